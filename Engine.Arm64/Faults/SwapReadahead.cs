// Swap read-ahead by virtual address (swap_vma_readahead, mm/swap_state.c): the pages around a fault in its VMA come in together.
// How many depends on how many of the last ones were used. The VMA remembers the last fault in one word:
//
//   63..12          11..6         5..0
//   page address    window        pages of the window that were hit

using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Frames;
using Engine.Core.PageCache;
using Engine.Core.Swap;
using Engine.Core.Units;

namespace Engine.Arm64.Faults;

/// <summary>Reads swapped pages before they are asked for.</summary>
internal static class SwapReadahead
{
    private const int WindowShift = 6;
    private const ulong HitsMask = (1UL << WindowShift) - 1;
    private const ulong WindowMask = (Pfn.PageSizeBytes - 1) & ~HitsMask;
    private const ulong InitialState = 4; // GET_SWAP_RA_VAL: a VMA without memory counts four hits
    private const uint WindowMax = 1 << 3; // page_cluster
    private const ulong TableSpanBytes = 512UL * Pfn.PageSizeBytes;

    /// <summary>A fault found its page in the swap cache (<c>swap_update_readahead</c>).</summary>
    public static void NoteHit(ref VmFault fault, ref Frame frame)
    {
        bool wasAhead = (frame.Flags & PageFlag.Readahead) != 0;
        frame.Flags &= ~PageFlag.Readahead;
        ref ulong memory = ref fault.Process.Memory.Areas[fault.AreaRef].SwapReadahead;
        ulong state = memory == 0 ? InitialState : memory;
        ulong hits = Math.Min((state & HitsMask) + (wasAhead ? 1UL : 0), HitsMask);
        memory = fault.Address.Value | (state & WindowMask) | hits;
    }

    /// <summary>Reads a page, and its neighbours, into the swap cache.</summary>
    /// <returns>The page's frame; <see cref="Pfn.None"/> where there is none to be had.</returns>
    public static Pfn Read(ref VmFault fault, SwapEntry entry)
    {
        uint window = NextWindow(ref fault, out VirtAddr start, out VirtAddr end);
        for (VirtAddr address = start; window > 1 && address < end; address += Pfn.PageSizeBytes)
        {
            Descriptor neighbour = fault.Tables.Read(address);
            if (neighbour.IsSwap)
            {
                Pfn read = ReadIntoCache(fault.Process.Machine, fault.Cpu, UserFrames.ToSwapEntry(neighbour));
                if (read != Pfn.None && address != fault.Address)
                {
                    fault.Frames[read].Flags |= PageFlag.Readahead;
                }
            }
        }

        Pfn pfn = fault.Frames.Swap.FindCached(entry);
        return pfn != Pfn.None ? pfn : ReadIntoCache(fault.Process.Machine, fault.Cpu, entry);
    }

    /// <summary>Reads one page into the swap cache (<c>read_swap_cache_async</c>).</summary>
    /// <returns>The frame; <see cref="Pfn.None"/> where it is cached already, the slot is free, or there is no memory.</returns>
    public static Pfn ReadIntoCache(Machine machine, CpuId cpu, SwapEntry entry)
    {
        UserFrames frames = machine.UserFrames;
        if (!frames.Swap.IsUsed(entry) || frames.Swap.FindCached(entry) != Pfn.None || !frames.TryAllocate(cpu, GfpFlags.None, out Pfn pfn))
        {
            return Pfn.None;
        }

        if (!frames.Swap.TryCache(entry, pfn))
        {
            frames.Put(cpu, pfn);
            return Pfn.None;
        }

        // The cache has its own reference now; the one of the allocation goes.
        frames[pfn].RefCount--;
        frames[pfn].Flags |= PageFlag.SwapBacked | (frames.Swap.TryRead(entry, pfn) ? PageFlag.Uptodate : 0);
        frames.AddToLists(cpu, pfn, VmFlags.None);
        return pfn;
    }

    /// <summary>Reads pages of shared memory into the swap cache; they stay in swap space until somebody asks for them (<c>shmem_swapin_range</c>, mm/madvise.c).</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="mapping">The shared memory.</param>
    /// <param name="first">First page.</param>
    /// <param name="last">Last page.</param>
    public static void ReadShared(Machine machine, CpuId cpu, FileMapping mapping, ulong first, ulong last)
    {
        for (ulong at = first; mapping.TryNextSwapped(ref at, last, out SwapEntry entry); at++)
        {
            _ = ReadIntoCache(machine, cpu, entry);
        }

        machine.Pages.Lru.Drain(cpu);
    }

    // swap_vma_ra_win
    private static uint NextWindow(ref VmFault fault, out VirtAddr start, out VirtAddr end)
    {
        ref ulong memory = ref fault.Process.Memory.Areas[fault.AreaRef].SwapReadahead;
        ulong state = memory == 0 ? InitialState : memory;
        ulong address = fault.Address.Value;
        ulong previous = state & ~(ulong)(Pfn.PageSizeBytes - 1);
        uint window = CountPages(previous >> Pfn.PageShift, address >> Pfn.PageShift, (uint)(state & HitsMask), (uint)((state & WindowMask) >> WindowShift));
        memory = address | ((ulong)window << WindowShift);

        ulong left = address == previous + Pfn.PageSizeBytes ? address
            : previous == address + Pfn.PageSizeBytes ? address - ((ulong)window << Pfn.PageShift) + Pfn.PageSizeBytes
            : address - ((ulong)((window - 1) / 2) << Pfn.PageShift);
        ulong right = unchecked(left + ((ulong)window << Pfn.PageShift));
        left = unchecked((long)left) < 0 ? 0 : left;
        ulong table = address & ~(TableSpanBytes - 1);
        start = new VirtAddr(Math.Max(Math.Max(left, fault.Area.Start.Value), table));
        end = new VirtAddr(Math.Min(Math.Min(right, fault.Area.End.Value), table + TableSpanBytes));
        return window;
    }

    // __swapin_nr_pages
    private static uint CountPages(ulong previous, ulong page, uint hits, uint previousWindow)
    {
        uint pages = hits + 2;
        if (pages == 2)
        {
            pages = page != previous + 1 && page != previous - 1 ? 1u : 2;
        }
        else
        {
            pages = Math.Max(4, System.Numerics.BitOperations.RoundUpToPowerOf2(pages));
        }

        return Math.Max(Math.Min(pages, WindowMax), previousWindow / 2);
    }
}
