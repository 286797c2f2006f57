// pread: filemap_read and filemap_get_pages (mm/filemap.c).
//
// Folios are taken in batches of up to 31. A batch ends after a folio that carries the readahead mark or is not up to
// date, so the asynchronous call is made when the reader comes to the mark, with what is left of its request.

using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <content>Reading through the cache.</content>
public sealed partial class FileMapping
{
    /// <summary>Folios in a batch (<c>PAGEVEC_SIZE</c> since Linux 6.8).</summary>
    private const int BatchMax = 31;

    /// <summary>Reads bytes (<c>pread</c>). What is missing is read into the cache, with readahead.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="ra">The open file's state.</param>
    /// <param name="offsetBytes">Place in the file.</param>
    /// <param name="destination">Where the bytes go.</param>
    /// <param name="readBytes">How many were read: fewer where the file ends or an error stops it.</param>
    public FileIoResult Read(CpuId cpu, ref ReadaheadState ra, ulong offsetBytes, Span<byte> destination, out int readBytes)
    {
        if (IsShmem)
        {
            readBytes = ReadShmem(cpu, offsetBytes, destination);
            return FileIoResult.Done;
        }

        readBytes = 0;
        long lastPos = ra.PrevPos;
        FileIoResult result = FileIoResult.Done;
        Span<Pfn> batch = stackalloc Pfn[BatchMax];
        ulong position = offsetBytes;
        while (readBytes < destination.Length && position < LengthBytes)
        {
            result = TryGetBatch(cpu, ref ra, position, (ulong)(destination.Length - readBytes), batch, out int count);
            if (count == 0)
            {
                break;
            }

            ulong end = Math.Min(LengthBytes, offsetBytes + (ulong)destination.Length);
            if (!IsSameFolio(position, lastPos - 1, batch[0]))
            {
                MarkAccessed(cpu, batch[0]);
            }

            for (int i = 0; i < count && position < end; i++)
            {
                if (i > 0)
                {
                    MarkAccessed(cpu, batch[i]);
                }

                CopyOut(batch[i], ref position, end, destination, ref readBytes);
                lastPos = (long)position;
                ra.PrevPos = cache.Options.Release == KernelRelease.Linux69 ? lastPos : ra.PrevPos;
            }

            if (result != FileIoResult.Done)
            {
                break;
            }
        }

        ra.PrevPos = lastPos;
        return readBytes > 0 ? FileIoResult.Done : result;
    }

    // Holes of shmem are zero and stay holes (shmem_file_read_iter).
    private int ReadShmem(CpuId cpu, ulong offsetBytes, Span<byte> destination)
    {
        int done = 0;
        while (done < destination.Length && offsetBytes + (uint)done < LengthBytes)
        {
            ulong position = offsetBytes + (uint)done;
            int inPage = (int)(position & (Pfn.PageSizeBytes - 1));
            int length = (int)Math.Min((ulong)Math.Min(Pfn.PageSizeBytes - inPage, destination.Length - done), LengthBytes - position);
            if (SwapIn(cpu, position >> Pfn.PageShift) is FileFaultResult.OutOfMemory or FileFaultResult.InputError)
            {
                break;
            }

            if (TryFindFolio(position >> Pfn.PageShift, out Pfn head))
            {
                MarkAccessed(cpu, head);
                Pfn page = head + (uint)((position >> Pfn.PageShift) - frames[head].Index);
                memory.GetFrame(page).Slice(inPage, length).CopyTo(destination[done..]);
            }
            else
            {
                destination.Slice(done, length).Clear();
            }

            done += length;
        }

        return done;
    }

    // filemap_get_pages
    private FileIoResult TryGetBatch(CpuId cpu, ref ReadaheadState ra, ulong position, ulong lengthBytes, Span<Pfn> batch, out int count)
    {
        ulong first = position >> Pfn.PageShift;
        ulong afterLast = PagesFor(position + lengthBytes);
        count = GetReadBatch(first, afterLast - 1, batch);
        if (count == 0)
        {
            ReadaheadSync(cpu, ref ra, first, (uint)Math.Min(afterLast - first, uint.MaxValue >> 1));
            count = GetReadBatch(first, afterLast - 1, batch);
        }

        if (count == 0)
        {
            if (TryAddFolio(cpu, first, 0, CacheGfp, out Pfn head) != PageIndexResult.Done)
            {
                return FileIoResult.OutOfMemory;
            }

            FillFolio(head, cache.OrderOf(head));
            batch[0] = head;
            count = 1;
        }

        Pfn last = batch[count - 1];
        ref Frame frame = ref frames[last];
        if ((frame.Flags & PageFlag.Readahead) != 0)
        {
            ReadaheadAsync(cpu, ref ra, last, frame.Index, (uint)Math.Min(afterLast - frame.Index, uint.MaxValue >> 1));
        }

        if ((frame.Flags & PageFlag.Uptodate) == 0 && !FillFolio(last, cache.OrderOf(last)))
        {
            count--;
            return FileIoResult.InputOutputError;
        }

        return FileIoResult.Done;
    }

    // filemap_get_read_batch: cached folios in a row.
    private int GetReadBatch(ulong first, ulong last, Span<Pfn> batch)
    {
        int count = 0;
        ulong at = first;
        while (at <= last && count < batch.Length && TryFindFolio(at, out Pfn head))
        {
            batch[count++] = head;
            if ((frames[head].Flags & (PageFlag.Uptodate | PageFlag.Readahead)) != PageFlag.Uptodate)
            {
                break;
            }

            at = frames[head].Index + (1UL << cache.OrderOf(head));
        }

        return count;
    }

    private void CopyOut(Pfn head, ref ulong position, ulong end, Span<byte> destination, ref int done)
    {
        ulong first = frames[head].Index;
        ulong folioEnd = Math.Min(end, (first + (1UL << cache.OrderOf(head))) << Pfn.PageShift);
        while (position < folioEnd)
        {
            int inPage = (int)(position & (Pfn.PageSizeBytes - 1));
            int length = (int)Math.Min((ulong)(Pfn.PageSizeBytes - inPage), folioEnd - position);
            Pfn page = head + (uint)((position >> Pfn.PageShift) - first);
            memory.GetFrame(page).Slice(inPage, length).CopyTo(destination[done..]);
            position += (uint)length;
            done += length;
        }
    }

    private bool IsSameFolio(ulong position, long other, Pfn head)
    {
        int shift = Pfn.PageShift + cache.OrderOf(head);
        return position >> shift == unchecked((ulong)other) >> shift;
    }

    private void MarkAccessed(CpuId cpu, Pfn head) => cache.Pages.Lru.MarkAccessed(cpu, head);
}
