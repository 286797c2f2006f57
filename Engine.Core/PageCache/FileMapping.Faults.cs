using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <content>Faults on memory that a file backs (<c>filemap_fault</c>, <c>filemap_map_pages</c>, mm/filemap.c; <c>shmem_fault</c>, mm/shmem.c).</content>
public sealed partial class FileMapping
{
    /// <summary>Misses beyond which read-around is not worth it (<c>MMAP_LOTSAMISS</c>).</summary>
    private const uint MmapLotsOfMisses = 100;

    /// <summary>A 2 MiB folio (<c>HPAGE_PMD_ORDER</c>).</summary>
    private const int HugeOrder = 9;

    private const ulong HugePages = 1UL << HugeOrder;

    /// <summary>Finds a page for a fault, and reads it where it is not cached. Allocates nothing on the host.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="ra">The state of the open file that is mapped.</param>
    /// <param name="pageIndex">Place in the file, in pages.</param>
    /// <param name="advice">What the VMA says about its accesses.</param>
    /// <param name="pfn">The frame with this page, up to date; <see cref="Pfn.None"/> where the fault fails. No reference is taken: whoever maps it adds one.</param>
    public FileFaultResult Fault(CpuId cpu, ref ReadaheadState ra, ulong pageIndex, MmapAdvice advice, out Pfn pfn) =>
        Fault(cpu, ref ra, new FileFaultRequest(pageIndex, advice, 0, ulong.MaxValue, FileFaultWaiting.InPlace), out pfn);

    /// <summary>As the other, for a VMA that maps a part of the file and for a fault that may be taken again.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="ra">The state of the open file that is mapped.</param>
    /// <param name="request">What is asked for.</param>
    /// <param name="pfn">The frame with this page.</param>
    public FileFaultResult Fault(CpuId cpu, ref ReadaheadState ra, in FileFaultRequest request, out Pfn pfn)
    {
        ulong pageIndex = request.PageIndex;
        pfn = Pfn.None;
        if (pageIndex >= LengthPages)
        {
            return FileFaultResult.BeyondEnd;
        }

        FileFaultResult result = FileFaultResult.Minor;
        if (IsShmem)
        {
            return FaultShmem(cpu, in request, out pfn);
        }

        if (TryFindFolio(pageIndex, out Pfn head))
        {
            bool isAwaited = (frames[head].Flags & PageFlag.Locked) != 0;
            if (isAwaited)
            {
                CompleteInput();
            }

            startsInput = request.Waiting == FileFaultWaiting.RetryInSeries;
            bool isMarked = MmapHit(cpu, ref ra, head, pageIndex, request.Advice);
            startsInput = false;
            result = isMarked || isAwaited ? FileFaultResult.MinorReadahead : FileFaultResult.Minor;
        }
        else
        {
            result = FileFaultResult.Major;
            startsInput = request.Waiting != FileFaultWaiting.InPlace && Backing.IsHole(pageIndex);
            MmapMiss(cpu, ref ra, in request);
            startsInput = false;
            if (!TryFindFolio(pageIndex, out head))
            {
                if (TryAddFolio(cpu, pageIndex, 0, CacheGfp, out head) != PageIndexResult.Done)
                {
                    return FileFaultResult.OutOfMemory;
                }

                FillFolio(head, cache.OrderOf(head));
            }
        }

        if ((frames[head].Flags & PageFlag.Uptodate) == 0 && !FillFolio(head, cache.OrderOf(head)))
        {
            return FileFaultResult.InputError;
        }

        pfn = head + (uint)(pageIndex - frames[head].Index);
        return result;
    }

    private FileFaultResult FaultShmem(CpuId cpu, in FileFaultRequest request, out Pfn pfn)
    {
        ulong pageIndex = request.PageIndex;
        FileFaultResult result = SwapIn(cpu, pageIndex);
        if (result is not (FileFaultResult.Minor or FileFaultResult.Major))
        {
            pfn = Pfn.None;
            return result;
        }

        if (!TryFindFolio(pageIndex, out Pfn head))
        {
            if (TryAddShmemFolio(cpu, pageIndex, request.FolioOrders, request.FolioGfp, out head) != PageIndexResult.Done)
            {
                pfn = Pfn.None;
                return FileFaultResult.OutOfMemory;
            }

            ClearFolio(head);
        }

        pfn = head + (uint)(pageIndex - frames[head].Index);
        return result;
    }

    // do_async_mmap_readahead; whether there was a mark.
    private bool MmapHit(CpuId cpu, ref ReadaheadState ra, Pfn head, ulong pageIndex, MmapAdvice advice)
    {
        if ((advice & MmapAdvice.Random) != 0 || ra.RaPages == 0)
        {
            return false;
        }

        if (ra.MmapMiss > 0)
        {
            ra.MmapMiss--;
        }

        if ((frames[head].Flags & PageFlag.Readahead) == 0)
        {
            return false;
        }

        ReadaheadAsync(cpu, ref ra, head, pageIndex, ra.RaPages);
        return true;
    }

    // do_sync_mmap_readahead
    private void MmapMiss(CpuId cpu, ref ReadaheadState ra, in FileFaultRequest request)
    {
        ulong pageIndex = request.PageIndex;
        MmapAdvice advice = request.Advice;
        if ((advice & MmapAdvice.HugePage) != 0)
        {
            ra.Size = (uint)((advice & MmapAdvice.Random) != 0 ? HugePages : 2 * HugePages);
            ra.AsyncSize = (uint)HugePages;
            ra.Order = HugeOrder;
            ReadWindow(cpu, ref ra, pageIndex & ~(HugePages - 1), HugeOrder);
            return;
        }

        // From Linux 6.17 on, executable memory has a rule of its own, made for random access.
        bool isExecutable = (advice & MmapAdvice.Executable) != 0 && cache.Options.Release != KernelRelease.Linux69;
        if (((advice & MmapAdvice.Random) != 0 && !isExecutable) || ra.RaPages == 0)
        {
            return;
        }

        if ((advice & MmapAdvice.Sequential) != 0)
        {
            ReadaheadSync(cpu, ref ra, pageIndex, ra.RaPages);
            return;
        }

        if (ra.MmapMiss < MmapLotsOfMisses * 10)
        {
            ra.MmapMiss++;
        }

        if (ra.MmapMiss > MmapLotsOfMisses)
        {
            return;
        }

        if (isExecutable)
        {
            int order = cache.Options.ExecFolioOrder;
            ra.Start = Math.Max(RoundDown(pageIndex, order), Math.Min(request.AreaFirst, pageIndex));
            ulong end = RoundDown(ra.Start + ra.RaPages + (1UL << order) - 1, order);
            ra.Size = (uint)(Math.Min(end, Math.Max(request.AreaEnd, pageIndex + 1)) - ra.Start);
            ra.AsyncSize = 0;
            ra.Order = (ushort)order;
        }
        else
        {
            ulong half = ra.RaPages / 2;
            ra.Start = pageIndex > half ? pageIndex - half : 0;
            ra.Size = ra.RaPages;
            ra.AsyncSize = ra.RaPages / 4;
            ra.Order = 0;
        }

        ReadWindow(cpu, ref ra, ra.Start, 0);
    }

    // A window whose state is set; order is that of the folio that Linux 6.9 grows from, 6.18 has it in the state (page_cache_ra_order).
    private void ReadWindow(CpuId cpu, ref ReadaheadState ra, ulong start, int order)
    {
        if (cache.Options.Release == KernelRelease.Linux69)
        {
            ReadWindow69(cpu, ref ra, start, order);
        }
        else
        {
            ReadWindow618(cpu, ref ra, start);
        }
    }
}
