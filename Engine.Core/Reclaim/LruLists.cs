// The LRU lists (mm/swap.c, include/linux/mm_inline.h): which user pages there are, and which were used last.
//
// A new page waits in its CPU's batch; a full batch goes to the lists under one lock. On a list, a frame's Next and Previous
// link it to its neighbours: frame number plus one, shifted left by one, so that bit 0 stays clear (it marks a tail page).
// While it waits, PG_lru is clear and Next says in whose batch and where, so that a page that is freed meanwhile leaves
// the batch at once. Linux lets the batch hold a reference instead: such a page is free only after the next drain.
// Unevictable pages are counted and not linked; Next counts their locked mappings, as in Linux.
//
// Activation and mlock wait in batches as well (LruLists.Pending.cs). Linux also batches deactivation, which acts at once here;
// what a program can see of it is the same: everything that looks at the lists drains the batches first.
//
// Links come from the arena. One that does not lead to a frame that leads back is reported (list_del corruption), and the
// frame stays where it is.

using System.Runtime.CompilerServices;
using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Reclaim;

/// <summary>The LRU lists of a machine.</summary>
public sealed unsafe partial class LruLists
{
    // By zone: pages on each list, and locked pages.
    private const int ZoneCounters = 8;
    private const int LockedCounter = LruVec.ListCount;

    // Next of a frame that waits: bit 0 of the value shifted by one, above it batch and place.
    private const int WaitingShift = 6;
    private const ulong WaitingMark = 1UL << 62;

    private readonly PageAllocator allocator;
    private readonly PhysicalMemory memory;
    private readonly FrameTable frames;
    private readonly CorruptionLog log;
    private readonly LruVec* nodes;
    private readonly LruBatch* batches;
    private readonly LruPending* pending;
    private readonly long* zoneCounts;
    private readonly int cpuCount;
    private PaddedInt32 gate;

    internal LruLists(PageAllocator allocator, MemoryLayout layout)
    {
        this.allocator = allocator;
        memory = allocator.Memory;
        frames = allocator.Frames;
        log = allocator.Log;
        cpuCount = allocator.CpuCount;
        ulong nodeBytes = (ulong)allocator.NodeCount * LruVec.SizeBytes;
        ulong batchBytes = (ulong)cpuCount * LruBatch.SizeBytes;
        ulong pendingBytes = (ulong)cpuCount * LruPending.SizeBytes;
        ulong countBytes = (ulong)allocator.Zones.Count * ZoneCounters * sizeof(long);
        Region = layout.Reserve("lru lists", nodeBytes + batchBytes + pendingBytes + countBytes);

        // SAFETY: the region holds the four arrays, each element aligned to its size.
        byte* start = memory.Bias + Region.Start.Value;
        nodes = (LruVec*)start;
        batches = (LruBatch*)(start + nodeBytes);
        pending = (LruPending*)(start + nodeBytes + batchBytes);
        zoneCounts = (long*)(start + nodeBytes + batchBytes + pendingBytes);
    }

    /// <summary>Where heads, counters and batches lie.</summary>
    public MemoryRegion Region { get; }

    /// <summary>Pages on a list, of one node's zones or of all; those that wait in batches are not among them (<c>node_page_state</c>).</summary>
    public ulong Count(LruList list, int? node = null, ZoneType? zone = null) => Sum((int)list, node, zone);

    /// <summary>Pages that mlock keeps (<c>NR_MLOCK</c>).</summary>
    public ulong CountLocked(int? node = null, ZoneType? zone = null) => Sum(LockedCounter, node, zone);

    /// <summary>A new page of a user (<c>folio_add_lru</c>): it joins its list with the CPU's next full batch, a large folio at once.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="pfn">The folio's first frame; not on a list. Swap-backed, active and unevictable flags say which list.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(CpuId cpu, Pfn pfn)
    {
        if ((uint)cpu.Value >= (uint)cpuCount)
        {
            throw new ArgumentOutOfRangeException(nameof(cpu), cpu, $"the machine has {cpuCount} CPUs");
        }

        // SAFETY: there is a batch for each CPU, and the count is checked before it indexes.
        LruBatch* batch = batches + cpu.Value;
        uint place = batch->Count;
        ref Frame frame = ref frames[pfn];
        if (place >= LruBatch.FrameMax - 1 || (frame.Flags & PageFlag.Head) != 0)
        {
            AddLast(cpu, pfn);
            return;
        }

        batch->Frames[place] = pfn.Value;
        frame.Next = EncodeWaiting(cpu.Value, place);
        batch->Count = place + 1;
    }

    /// <summary>Whether a page waits in a batch for its list.</summary>
    public bool IsWaiting(Pfn pfn) => (frames[pfn].Flags & (PageFlag.Lru | PageFlag.Unevictable)) == 0 && (frames[pfn].Next & WaitingMark) != 0;

    /// <summary>Puts what waits in a CPU's batch on the lists (<c>lru_add_drain</c>).</summary>
    public void Drain(CpuId cpu)
    {
        LruBatch* batch = batches + cpu.Value;
        if (batch->Count != 0)
        {
            DrainBatch(batch, cpu.Value);
        }

        if (Volatile.Read(ref pendingCount) != 0)
        {
            DrainPending(cpu.Value);
        }
    }

    /// <summary>The same for all CPUs (<c>lru_add_drain_all</c>). No other CPU may be acting.</summary>
    public void DrainAll()
    {
        for (int cpu = 0; cpu < cpuCount; cpu++)
        {
            DrainBatch(batches + cpu, cpu);
            DrainPending(cpu);
        }
    }

    /// <summary>Takes a folio off its list or out of the batch where it waits (<c>folio_isolate_lru</c>, <c>__page_cache_release</c>).</summary>
    /// <returns>Whether it was on a list.</returns>
    public bool Remove(Pfn pfn)
    {
        ref Frame frame = ref frames[pfn];
        if ((frame.Flags & PageFlag.Lru) == 0)
        {
            if (frame.Next != 0 && (frame.Flags & PageFlag.Unevictable) == 0)
            {
                LeaveBatch(pfn, ref frame);
            }

            return false;
        }

        Acquire();
        Unlink(pfn, ref frame, ListOf(frame.Flags));
        Release();
        frame.Flags &= ~PageFlag.Lru;
        return true;
    }

    /// <summary>Puts a folio that <see cref="Remove"/> took back on the list that its flags say (<c>folio_putback_lru</c>).</summary>
    public void PutBack(Pfn pfn)
    {
        Acquire();
        LinkFirst(pfn, ref frames[pfn]);
        Release();
    }

    /// <summary>Moves a folio to the head of its list, so that the next look at the tail finds another.</summary>
    internal void Rotate(Pfn pfn) => Change(pfn, ref frames[pfn], set: 0, clear: 0);

    /// <summary>Notes a use: referenced first, then active; an unevictable folio stays as it is (<c>folio_mark_accessed</c>).</summary>
    /// <param name="cpu">The CPU that acts: a folio becomes active when its batch is emptied.</param>
    /// <param name="pfn">The folio's first frame.</param>
    public void MarkAccessed(CpuId cpu, Pfn pfn)
    {
        ref Frame frame = ref frames[pfn];
        if ((frame.Flags & PageFlag.Referenced) == 0)
        {
            frame.Flags |= PageFlag.Referenced;
        }
        else if ((frame.Flags & (PageFlag.Unevictable | PageFlag.Active)) == 0)
        {
            if ((frame.Flags & PageFlag.Lru) != 0)
            {
                AppendActivate(cpu, pfn);
            }
            else if (IsWaiting(pfn))
            {
                frame.Flags |= PageFlag.Active; // __lru_cache_activate_folio
            }

            frame.Flags &= ~PageFlag.Referenced;
        }
    }

    /// <summary>Makes a folio look unused (<c>folio_deactivate</c>).</summary>
    public void Deactivate(Pfn pfn)
    {
        ref Frame frame = ref frames[pfn];
        ulong wasActive = frame.Flags & PageFlag.Active;
        ulong workingset = wasActive != 0 ? PageFlag.Workingset : 0;
        frame.Flags &= ~PageFlag.Referenced;
        if ((frame.Flags & PageFlag.Unevictable) == 0 && wasActive != 0)
        {
            Change(pfn, ref frame, set: workingset, clear: PageFlag.Active | PageFlag.Referenced);
            DeactivatedPages += PagesOf(pfn, ref frame);
        }
    }

    /// <summary>Lets a folio's content vanish: it joins the inactive file list (<c>folio_mark_lazyfree</c>).</summary>
    public void MakeLazyFree(Pfn pfn)
    {
        ref Frame frame = ref frames[pfn];
        if ((frame.Flags & (PageFlag.SwapBacked | PageFlag.SwapCache | PageFlag.Unevictable)) == PageFlag.SwapBacked)
        {
            Change(pfn, ref frame, set: 0, clear: PageFlag.SwapBacked | PageFlag.Active | PageFlag.Referenced);
            LazyFreePages += PagesOf(pfn, ref frame);
        }
    }

    /// <summary>Makes a folio swap-backed again: it was written after it was let go (<c>folio_set_swapbacked</c> in try_to_unmap_one).</summary>
    public void MakeSwapBacked(Pfn pfn) => Change(pfn, ref frames[pfn], set: PageFlag.SwapBacked, clear: 0);

    /// <summary>A folio is about to be freed: it leaves list or batch, and what mlock left on it (<c>__page_cache_release</c>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Forget(Pfn pfn, ref Frame frame)
    {
        if ((frame.Flags & (PageFlag.Lru | PageFlag.Mlocked)) != 0 || frame.Next != 0)
        {
            ForgetListed(pfn, ref frame);
        }
    }

    /// <summary>Pages that became active (<c>pgactivate</c>).</summary>
    public ulong ActivatedPages { get; private set; }

    /// <summary>Pages that became inactive (<c>pgdeactivate</c>).</summary>
    public ulong DeactivatedPages { get; private set; }

    /// <summary>Pages that MADV_FREE let go (<c>pglazyfree</c>).</summary>
    public ulong LazyFreePages { get; private set; }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ForgetListed(Pfn pfn, ref Frame frame)
    {
        if ((frame.Flags & PageFlag.Mlocked) != 0)
        {
            CountZone(pfn, LockedCounter, -(long)PagesOf(pfn, ref frame));
        }

        Remove(pfn);
        if (Volatile.Read(ref pendingCount) != 0)
        {
            ForgetPending(pfn);
        }

        frame.Flags &= ~(PageFlag.Active | PageFlag.Unevictable | PageFlag.Mlocked);
        frame.Next = 0;
    }

    // Changes flags that decide the list, and moves the folio where it is on one.
    private void Change(Pfn pfn, ref Frame frame, ulong set, ulong clear)
    {
        if ((frame.Flags & PageFlag.Lru) == 0)
        {
            frame.Flags = (frame.Flags & ~clear) | set;
            return;
        }

        Acquire();
        Unlink(pfn, ref frame, ListOf(frame.Flags));
        frame.Flags = (frame.Flags & ~clear) | set;
        LinkFirst(pfn, ref frame);
        Release();
    }

    // folio_lru_list
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static LruList ListOf(ulong flags)
    {
        if ((flags & PageFlag.Unevictable) != 0)
        {
            return LruList.Unevictable;
        }

        LruList list = (flags & PageFlag.SwapBacked) != 0 ? LruList.InactiveAnon : LruList.InactiveFile;
        return (flags & PageFlag.Active) != 0 ? list + 1 : list;
    }

    private ulong PagesOf(Pfn pfn, ref Frame frame) => (frame.Flags & PageFlag.Head) == 0 ? 1 : allocator.GetOrder(pfn).PageCount;
}
