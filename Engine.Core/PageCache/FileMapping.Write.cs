// pwrite: generic_perform_write (mm/filemap.c) over a file system without journal.
//
// A page that the write covers wholly needs no input. Where the file system has large folios, a missing folio is as
// large as the write and its alignment allow (fgf_set_order, __filemap_get_folio). Linux remembers which blocks of a
// folio are up to date; here the pages of a new folio that the write does not cover are read at once.

using System.Numerics;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <content>Writing through the cache.</content>
public sealed partial class FileMapping
{
    /// <summary>The longest file in bytes (<c>MAX_LFS_FILESIZE</c>).</summary>
    public const ulong LengthBytesMax = long.MaxValue;

    /// <summary>
    /// Writes bytes (<c>pwrite</c>). They stay in the cache, dirty, until they are written back; the file grows where they end beyond it. Where the
    /// backing cannot grow nothing is written.
    /// </summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="offsetBytes">Place in the file.</param>
    /// <param name="source">The bytes.</param>
    /// <param name="writtenBytes">How many were written: fewer where memory ran out or a page could not be read.</param>
    public FileIoResult Write(CpuId cpu, ulong offsetBytes, ReadOnlySpan<byte> source, out int writtenBytes)
    {
        writtenBytes = 0;
        if (offsetBytes > LengthBytesMax - (uint)source.Length)
        {
            return FileIoResult.TooBig;
        }

        FileIoResult result = FileIoResult.Done;
        ulong oldLength = LengthBytes;
        ulong end = offsetBytes + (uint)source.Length;
        bool grows = !source.IsEmpty && end > oldLength;
        if (grows && !Backing.Resize(end))
        {
            return FileIoResult.InputOutputError;
        }

        if (grows && offsetBytes > oldLength)
        {
            ZeroBeyondEnd(cpu);
        }

        while (writtenBytes < source.Length)
        {
            ulong position = offsetBytes + (uint)writtenBytes;
            result = TryGetForWrite(cpu, position, (ulong)(source.Length - writtenBytes), out Pfn head);
            if (result != FileIoResult.Done)
            {
                break;
            }

            if (IsShmem)
            {
                MarkAccessed(cpu, head); // shmem_get_folio for SGP_WRITE
            }

            int copied = CopyIn(head, position, source[writtenBytes..]);
            MarkDirty(head);
            writtenBytes += copied;
            if (position + (uint)copied > LengthBytes)
            {
                Record.LengthBytes = position + (uint)copied;
            }
        }

        if (grows && LengthBytes < end)
        {
            _ = Backing.Resize(LengthBytes); // cut short; where that fails, the file's own length still bounds what is read
        }

        return writtenBytes > 0 ? FileIoResult.Done : result;
    }

    private FileIoResult TryGetForWrite(CpuId cpu, ulong position, ulong lengthBytes, out Pfn head)
    {
        ulong pageIndex = position >> Pfn.PageShift;
        if (IsShmem && SwapIn(cpu, pageIndex) is FileFaultResult.OutOfMemory or FileFaultResult.InputError)
        {
            head = Pfn.None;
            return FileIoResult.OutOfMemory;
        }

        if (TryFindFolio(pageIndex, out head))
        {
            bool isGood = (frames[head].Flags & PageFlag.Uptodate) != 0 || FillFolio(head, cache.OrderOf(head));
            return isGood ? FileIoResult.Done : FileIoResult.InputOutputError;
        }

        if (IsShmem)
        {
            uint orders = cache.ShmemPolicy?.OrdersForWrite(this, pageIndex, position + lengthBytes) ?? 0;
            if (TryAddShmemFolio(cpu, pageIndex, orders, ReadaheadGfp, out head) != PageIndexResult.Done)
            {
                return FileIoResult.OutOfMemory;
            }

            ClearFolio(head);
            return FileIoResult.Done;
        }

        int order = Math.Min(Options.FolioOrderMax, BitOperations.Log2(lengthBytes >> Pfn.PageShift));
        if ((pageIndex & ((1UL << order) - 1)) != 0)
        {
            order = BitOperations.TrailingZeroCount(pageIndex);
        }

        PageIndexResult added;
        do
        {
            added = TryAddFolio(cpu, pageIndex, order, order > 0 ? ReadaheadGfp : CacheGfp, out head);
        }
        while (added != PageIndexResult.Done && order-- > 0);

        if (added != PageIndexResult.Done)
        {
            return FileIoResult.OutOfMemory;
        }

        if (!TryFillAround(head, cache.OrderOf(head), position, position + lengthBytes))
        {
            RemoveFolio(cpu, head);
            return FileIoResult.InputOutputError;
        }

        frames[head].Flags |= PageFlag.Uptodate;
        return FileIoResult.Done;
    }

    // Fills those pages of a new folio that a write from start to end does not cover.
    private bool TryFillAround(Pfn head, int order, ulong start, ulong end)
    {
        ulong first = frames[head].Index;
        for (uint i = 0; i < 1u << order; i++)
        {
            ulong pageStart = (first + i) << Pfn.PageShift;
            if (start <= pageStart && end >= pageStart + Pfn.PageSizeBytes)
            {
                continue;
            }

            Span<byte> page = memory.GetFrame(head + i);
            if (pageStart >= LengthBytes)
            {
                page.Clear();
            }
            else if (!Backing.ReadPage(first + i, page))
            {
                return false;
            }
        }

        return true;
    }

    private int CopyIn(Pfn head, ulong position, ReadOnlySpan<byte> source)
    {
        ulong first = frames[head].Index;
        ulong folioEnd = NextPageOf(head) << Pfn.PageShift;
        int done = 0;
        while (done < source.Length && position < folioEnd)
        {
            int inPage = (int)(position & (Pfn.PageSizeBytes - 1));
            int length = Math.Min(Pfn.PageSizeBytes - inPage, source.Length - done);
            Pfn page = head + (uint)((position >> Pfn.PageShift) - first);
            source.Slice(done, length).CopyTo(memory.GetFrame(page)[inPage..]);
            position += (uint)length;
            done += length;
        }

        return done;
    }

    // What a mapping wrote behind the end of the file must not appear when the file grows (pagecache_isize_extended).
    private void ZeroBeyondEnd(CpuId cpu)
    {
        ulong length = LengthBytes;
        if (length == 0 || !TryFindFolio((length - 1) >> Pfn.PageShift, out Pfn head))
        {
            return;
        }

        ulong folioEnd = NextPageOf(head) << Pfn.PageShift;
        ZeroInFolio(head, length, folioEnd);
        if (cache.Options.Release != KernelRelease.Linux69 && !IsShmem && (length & (Pfn.PageSizeBytes - 1)) != 0)
        {
            // ext4 since 6.13 zeroes the rest of the last block through the cache (ext4_block_truncate_page).
            MarkAccessed(cpu, head);
            MarkDirty(head);
        }
    }

    // Zeroes the bytes of a folio that lie from start up to end, in bytes of the file.
    private void ZeroInFolio(Pfn head, ulong start, ulong end)
    {
        ulong folioStart = frames[head].Index << Pfn.PageShift;
        ulong at = Math.Max(start, folioStart);
        ulong stop = Math.Min(end, NextPageOf(head) << Pfn.PageShift);
        while (at < stop)
        {
            int inPage = (int)(at & (Pfn.PageSizeBytes - 1));
            int length = (int)Math.Min((ulong)(Pfn.PageSizeBytes - inPage), stop - at);
            memory.GetFrame(head + (uint)((at - folioStart) >> Pfn.PageShift)).Slice(inPage, length).Clear();
            at += (uint)length;
        }
    }
}
