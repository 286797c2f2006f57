// Taking pages away: truncate_inode_pages_range (mm/truncate.c), fallocate(PUNCH_HOLE).
//
// Folios that lie wholly in the range go. One that lies in it in part is zeroed there and, when it is large, split, so
// that the pages in the range can go as well: Linux 6.9 splits to single pages, 6.18 halves only what contains the edge.
// Where it cannot be split (someone holds a reference), it stays when dirty, and goes as a whole when clean.

using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <content>Truncation and holes.</content>
public sealed partial class FileMapping
{
    /// <summary>Sets the length of the file (<c>ftruncate</c>): pages beyond it leave the cache and all page tables; what is added reads as zero.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="lengthBytes">The new length.</param>
    public FileIoResult Truncate(CpuId cpu, ulong lengthBytes)
    {
        if (lengthBytes > LengthBytesMax)
        {
            return FileIoResult.TooBig;
        }

        if (lengthBytes >= LengthBytes)
        {
            ZeroBeyondEnd(cpu);
            if (lengthBytes > LengthBytes && !Backing.Resize(lengthBytes))
            {
                return FileIoResult.InputOutputError;
            }

            // A large folio of shared memory that reaches beyond the end is cut even where the length stays (shmem_setattr).
            if (IsShmem && lengthBytes == LengthBytes)
            {
                DropRange(cpu, lengthBytes, LengthBytesMax);
            }

            Record.LengthBytes = lengthBytes;
            return FileIoResult.Done;
        }

        if (!Backing.Resize(lengthBytes))
        {
            return FileIoResult.InputOutputError;
        }

        ulong oldPages = LengthPages;
        Record.LengthBytes = lengthBytes;
        ulong firstGone = PagesFor(lengthBytes);
        if (firstGone < oldPages)
        {
            cache.ReverseMap?.UnmapRange(cpu, this, firstGone, oldPages - firstGone, includePrivateCopies: true);
        }

        DropRange(cpu, lengthBytes, LengthBytesMax);
        return FileIoResult.Done;
    }

    /// <summary>Makes a range read as zero and frees its whole pages (<c>fallocate</c> with <c>PUNCH_HOLE | KEEP_SIZE</c>). Dirty pages of the range are written back first, as ext4 does.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="offsetBytes">First byte of the hole.</param>
    /// <param name="lengthBytes">Bytes in the hole.</param>
    public FileIoResult PunchHole(CpuId cpu, ulong offsetBytes, ulong lengthBytes)
    {
        if (offsetBytes > LengthBytesMax || lengthBytes > LengthBytesMax - offsetBytes)
        {
            return FileIoResult.TooBig;
        }

        // A large folio of shared memory may reach beyond the end of the file, and so may a hole.
        ulong end = IsShmem ? offsetBytes + lengthBytes : Math.Min(offsetBytes + lengthBytes, LengthPages << Pfn.PageShift);
        if (offsetBytes >= end)
        {
            return FileIoResult.Done;
        }

        FileIoResult written = Sync(cpu, offsetBytes >> Pfn.PageShift, (end - 1) >> Pfn.PageShift);
        if (written != FileIoResult.Done)
        {
            return written;
        }

        ulong firstWhole = PagesFor(offsetBytes);
        ulong endWhole = end >> Pfn.PageShift;
        if (firstWhole < endWhole)
        {
            cache.ReverseMap?.UnmapRange(cpu, this, firstWhole, endWhole - firstWhole, includePrivateCopies: false);
            DropRange(cpu, firstWhole << Pfn.PageShift, endWhole << Pfn.PageShift);
            if (!Backing.PunchHole(firstWhole, endWhole - firstWhole))
            {
                return FileIoResult.InputOutputError;
            }
        }

        ulong headEnd = Math.Min(end, firstWhole << Pfn.PageShift);
        FileIoResult result = ZeroPart(cpu, offsetBytes, headEnd);
        ulong tailStart = Math.Max(endWhole << Pfn.PageShift, headEnd);
        return result == FileIoResult.Done ? ZeroPart(cpu, tailStart, end) : result;
    }

    // Zeroes a part of one page through the cache; a page of shmem that is not there is zero already.
    private FileIoResult ZeroPart(CpuId cpu, ulong start, ulong end)
    {
        if (start >= end || (IsShmem && !TryFindFolio(start >> Pfn.PageShift, out Pfn _) && !IsSwapped(start >> Pfn.PageShift)))
        {
            return FileIoResult.Done;
        }

        FileIoResult result = TryGetForWrite(cpu, start, end - start, out Pfn head);
        if (result == FileIoResult.Done)
        {
            ZeroInFolio(head, start, end);
            MarkDirty(head);
        }

        return result;
    }

    // truncate_inode_pages_range, from a byte up to another, which is not part of it.
    private void DropRange(CpuId cpu, ulong start, ulong end)
    {
        ulong first = PagesFor(start);
        ulong last = end >> Pfn.PageShift;
        if (IsShmem)
        {
            // What goes in part: a page, or a large folio.
            _ = SwapIn(cpu, start >> Pfn.PageShift);
            SwapInAcross(cpu, (end - 1) >> Pfn.PageShift);
            DropSwapped(cpu, first, last);
        }

        DropWholeFolios(cpu, first, last);

        bool isSame = false;
        if (TryFindFolio(start >> Pfn.PageShift, out Pfn head))
        {
            ulong folioFirst = frames[head].Index;
            ulong folioNext = NextPageOf(head);
            isSame = end <= folioNext << Pfn.PageShift;
            if (!TryCutFolio(cpu, head, start, end))
            {
                first = folioNext;
                last = isSame ? folioFirst : last;
            }
        }

        if (!isSame && end < LengthBytesMax && TryFindFolio(end >> Pfn.PageShift, out head) && frames[head].Index << Pfn.PageShift < end)
        {
            ulong folioFirst = frames[head].Index;
            if (!TryCutFolio(cpu, head, start, end))
            {
                last = folioFirst;
            }
        }

        DropWholeFolios(cpu, first, last);
    }

    // Removes folios that lie wholly in a range of pages.
    private void DropWholeFolios(CpuId cpu, ulong first, ulong end)
    {
        ulong at = first;
        while (at < end && TryNextFolio(ref at, end - 1, null, out Pfn head))
        {
            ulong next = NextPageOf(head);
            if (frames[head].Index >= first && next <= end)
            {
                RemoveFolio(cpu, head);
            }

            at = next;
        }
    }

    // truncate_inode_partial_folio: false where the folio stays as it is, zeroed in part.
    private bool TryCutFolio(CpuId cpu, Pfn head, ulong start, ulong end)
    {
        ulong folioStart = frames[head].Index << Pfn.PageShift;
        ulong folioEnd = NextPageOf(head) << Pfn.PageShift;
        if (start <= folioStart && end >= folioEnd)
        {
            RemoveFolio(cpu, head);
            return true;
        }

        if (IsShmem)
        {
            MarkDirty(head); // shmem_undo_range
        }

        ZeroInFolio(head, start, end);
        if (cache.OrderOf(head) == 0)
        {
            return true;
        }

        ulong cutStart = Math.Max(start, folioStart) >> Pfn.PageShift;
        ulong cutEnd = Math.Min(end, folioEnd) >> Pfn.PageShift;
        if (TrySplitFolio(cpu, head, cutStart))
        {
            if (cutEnd << Pfn.PageShift < folioEnd && TryFindFolio(cutEnd, out Pfn rest) && cache.OrderOf(rest) > 0)
            {
                _ = TrySplitFolio(cpu, rest, cutEnd);
            }

            return true;
        }

        if ((frames[head].Flags & PageFlag.Dirty) != 0)
        {
            return false;
        }

        RemoveFolio(cpu, head);
        return true;
    }
}
