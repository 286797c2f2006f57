// One swap device (struct swap_info_struct, mm/swapfile.c). Its map lies in frames that swapon takes from the page allocator:
// a word a slot (SwapSlot), 16 bytes a cluster of 512 slots (SwapCluster). A CPU takes slots from a cluster of its own,
// ascending, and has one for each order of folios; then from a cluster of which the same order left something, oldest first (since Linux
// 6.13; before, free ones came first); then from one that is free; then, single slots only, from what other orders left. The cluster with the header, and one
// that ends beyond the area, are never free: they serve single slots.
//
// Simpler than Linux 6.9: no per-CPU cache of 64 slots in front of this, so a slot that is freed is free at once; counts
// beyond 62 need no continuation page, because a word has room for them.
//
// Called with the swap space's lock held.

using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Units;

namespace Engine.Core.Swap;

/// <summary>A swap area: which of its slots are in use, by how many, and where their content is.</summary>
public sealed class SwapArea
{
    private const int OrderCount = SwapCluster.SlotShift + 1;
    private const int ListCount = (int)SwapClusterList.Partial + OrderCount;
    private const int WordsPerFrame = Pfn.PageSizeBytes / sizeof(ulong);
    private const int ClustersPerFrame = Pfn.PageSizeBytes / SwapCluster.SizeBytes;

    private readonly PhysicalMemory memory;
    private readonly CorruptionLog log;
    private readonly Pfn[] slotFrames;
    private readonly Pfn[] clusterFrames;
    private readonly uint clusterCount;
    private readonly uint[] firstOf = new uint[ListCount];
    private readonly uint[] lastOf = new uint[ListCount];

    // By CPU and order: the next slot to try; 0 where there is no cluster.
    private readonly ulong[] nextOfCpu;

    private SwapArea(PageAllocator pages, int type, string name, ISwapStore store, Pfn[] slotFrames, Pfn[] clusterFrames)
    {
        memory = pages.Memory;
        log = pages.Log;
        Type = type;
        Name = name;
        Store = store;
        this.slotFrames = slotFrames;
        this.clusterFrames = clusterFrames;
        nextOfCpu = new ulong[pages.CpuCount * OrderCount];
        clusterCount = (uint)((store.SlotCount + SwapCluster.SlotCount - 1) >> SwapCluster.SlotShift);
        Slot(0) = SwapSlot.Bad;
        for (uint i = 0; i < clusterCount; i++)
        {
            ulong beyond = ((ulong)(i + 1) << SwapCluster.SlotShift) - Math.Min((ulong)(i + 1) << SwapCluster.SlotShift, store.SlotCount);
            Cluster(i) = new SwapCluster { Used = (uint)beyond + (i == 0 ? 1u : 0) };
            Append(ListFor(i), i);
        }
    }

    /// <summary>Its number, 0..31.</summary>
    public int Type { get; }

    /// <summary>As <c>/proc/swaps</c> prints it.</summary>
    public string Name { get; }

    /// <summary>Where the content is.</summary>
    public ISwapStore Store { get; }

    /// <summary>The priority, descending from -2 (<c>prio</c>).</summary>
    public int Priority => -2 - Type;

    /// <summary>Slots that can be used (<c>pages</c>).</summary>
    public ulong PageCount => Store.SlotCount - 1;

    /// <summary>Slots in use (<c>inuse_pages</c>).</summary>
    public ulong UsedPages { get; private set; }

    /// <summary>The frames that hold the map.</summary>
    public ulong MapPages => (ulong)(slotFrames.Length + clusterFrames.Length);

    internal static SwapArea? TryCreate(PageAllocator pages, CpuId cpu, int type, string name, ISwapStore store)
    {
        ulong words = store.SlotCount;
        ulong clusters = (words + SwapCluster.SlotCount - 1) >> SwapCluster.SlotShift;
        Pfn[] slotFrames = new Pfn[(words + WordsPerFrame - 1) / WordsPerFrame];
        Pfn[] clusterFrames = new Pfn[(clusters + ClustersPerFrame - 1) / ClustersPerFrame];
        if (TryFill(pages, cpu, slotFrames) && TryFill(pages, cpu, clusterFrames))
        {
            return new SwapArea(pages, type, name, store, slotFrames, clusterFrames);
        }

        Free(pages, cpu, slotFrames);
        Free(pages, cpu, clusterFrames);
        return null;
    }

    internal void FreeMap(PageAllocator pages, CpuId cpu)
    {
        Free(pages, cpu, slotFrames);
        Free(pages, cpu, clusterFrames);
    }

    /// <summary>The word of a slot. The caller has checked that the area has it.</summary>
    internal ref ulong Slot(ulong slot) =>
        ref memory.GetRef<ulong>(new PhysAddr(
            slotFrames[slot / WordsPerFrame].Address.ToUInt64() + (slot % WordsPerFrame * sizeof(ulong))));

    internal bool Contains(ulong slot) => slot > 0 && slot < Store.SlotCount;

    /// <summary>Takes free slots in a row, aligned to their number (<c>get_swap_pages</c>, <c>cluster_alloc_swap_entry</c>; one: <c>scan_swap_map_slots</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="order">How many: a cluster at most.</param>
    /// <param name="word">What the first slot's word becomes; the frame counts up from slot to slot where there is one.</param>
    /// <param name="slot">The first.</param>
    internal bool TryTake(CpuId cpu, Order order, SwapSlot word, out ulong slot)
    {
        slot = 0;
        if (order.Value >= OrderCount)
        {
            return false;
        }

        ulong count = order.PageCount;
        ref ulong next = ref nextOfCpu[(cpu.Value * OrderCount) + order.Value];
        for (uint rounds = 0; rounds <= clusterCount; rounds++)
        {
            if (next == 0 && !TryGiveCluster(ref next, order.Value))
            {
                break;
            }

            uint cluster = (uint)(next >> SwapCluster.SlotShift);
            ulong end = Math.Min((ulong)(cluster + 1) << SwapCluster.SlotShift, Store.SlotCount);
            for (slot = (next + count - 1) & ~(count - 1); slot + count <= end; slot += count)
            {
                if (IsFree(slot, count))
                {
                    Take(cluster, slot, order, word);
                    next = slot + count < end ? slot + count : 0;
                    GiveBack(cluster, isLeft: next == 0);
                    return true;
                }
            }

            next = 0;
            GiveBack(cluster, isLeft: true);
        }

        slot = 0;
        return false;
    }

    /// <summary>A slot that nobody refers to any more (<c>swap_entry_range_free</c>).</summary>
    internal void Release(ulong slot)
    {
        Slot(slot) = 0;
        uint cluster = (uint)(slot >> SwapCluster.SlotShift);
        ref SwapCluster content = ref Cluster(cluster);
        if (content.Used == 0 || UsedPages == 0)
        {
            log.Report(new Corruption(CorruptionCategory.Swap, "swap cluster without used slots", AddressOf(slot), 1, content.Used));
        }

        content.Used -= Math.Min(content.Used, 1);
        UsedPages -= Math.Min(UsedPages, 1);
        Store.Discard(slot);
        if (!IsTakenByCpu(cluster))
        {
            Move(cluster);
        }
    }

    internal PhysAddr AddressOf(ulong slot) => new(slotFrames[slot / WordsPerFrame].Address.ToUInt64() + (slot % WordsPerFrame * sizeof(ulong)));

    /// <summary>Compares counters and lists with the words.</summary>
    internal void Verify(List<Corruption> findings)
    {
        ulong used = 0;
        for (uint i = 0; i < clusterCount; i++)
        {
            uint inCluster = UnusableOf(i);
            for (ulong slot = (ulong)i << SwapCluster.SlotShift; slot < Math.Min((ulong)(i + 1) << SwapCluster.SlotShift, Store.SlotCount); slot++)
            {
                inCluster += slot > 0 && !new SwapSlot(Slot(slot)).IsFree ? 1u : 0;
            }

            used += inCluster - UnusableOf(i);
            if (Cluster(i).Used != inCluster)
            {
                findings.Add(new Corruption(CorruptionCategory.Swap, "used slots of a swap cluster", AddressOf((ulong)i << SwapCluster.SlotShift), inCluster, Cluster(i).Used));
            }
        }

        if (used != UsedPages)
        {
            findings.Add(new Corruption(CorruptionCategory.Swap, "used slots of a swap area", AddressOf(0), used, UsedPages));
        }
    }

    private bool IsFree(ulong slot, ulong count)
    {
        for (ulong i = 0; i < count; i++)
        {
            if (!new SwapSlot(Slot(slot + i)).IsFree)
            {
                return false;
            }
        }

        return true;
    }

    private void Take(uint cluster, ulong slot, Order order, SwapSlot word)
    {
        ulong count = order.PageCount;
        if (Cluster(cluster).Used <= UnusableOf(cluster))
        {
            Cluster(cluster).Order = (ushort)order.Value;
        }

        for (ulong i = 0; i < count; i++)
        {
            Slot(slot + i) = word.IsCached ? word.WithFrame(word.Frame + (uint)i).Value : word.Value;
        }

        Cluster(cluster).Used += (uint)count;
        UsedPages += count;
    }

    private static bool TryFill(PageAllocator pages, CpuId cpu, Pfn[] frames)
    {
        frames.AsSpan().Fill(Pfn.None);
        for (int i = 0; i < frames.Length; i++)
        {
            if (!pages.TryAllocate(cpu, Order.Zero, GfpFlags.Kernel | GfpFlags.Zero, out frames[i]))
            {
                return false;
            }
        }

        return true;
    }

    private static void Free(PageAllocator pages, CpuId cpu, Pfn[] frames)
    {
        foreach (Pfn frame in frames)
        {
            if (frame != Pfn.None && frame != default)
            {
                pages.Free(cpu, frame, Order.Zero);
            }
        }
    }

    private ref SwapCluster Cluster(uint cluster) =>
        ref memory.GetRef<SwapCluster>(new PhysAddr(
            clusterFrames[cluster / ClustersPerFrame].Address.ToUInt64() + (cluster % ClustersPerFrame * SwapCluster.SizeBytes)));

    // Slots of a cluster that never can be used: the header, and what lies beyond the area's end.
    private uint UnusableOf(uint cluster)
    {
        ulong end = (ulong)(cluster + 1) << SwapCluster.SlotShift;
        return (uint)(end - Math.Min(end, Store.SlotCount)) + (cluster == 0 ? 1u : 0);
    }

    private bool TryGiveCluster(ref ulong next, int order)
    {
        uint link = firstOf[(int)SwapClusterList.Partial + order];
        link = link != 0 ? link : firstOf[(int)SwapClusterList.Free];
        for (int other = 1; link == 0 && order == 0 && other < OrderCount; other++)
        {
            link = firstOf[(int)SwapClusterList.Partial + other];
        }

        if (link == 0 || link > clusterCount)
        {
            return false;
        }

        Detach(link - 1);
        next = Math.Max((ulong)(link - 1) << SwapCluster.SlotShift, 1);
        return true;
    }

    private bool IsTakenByCpu(uint cluster)
    {
        foreach (ulong next in nextOfCpu)
        {
            if (next != 0 && next >> SwapCluster.SlotShift == cluster)
            {
                return true;
            }
        }

        return false;
    }

    private void GiveBack(uint cluster, bool isLeft)
    {
        if (isLeft && !IsTakenByCpu(cluster))
        {
            Move(cluster);
        }
    }

    // Puts a cluster that no CPU has on the list that its count says.
    private void Move(uint cluster)
    {
        int list = ListFor(cluster);
        if (Cluster(cluster).List != list)
        {
            Detach(cluster);
            Append(list, cluster);
        }
    }

    // An order from the arena that is none counts as 0.
    private int ListFor(uint cluster)
    {
        SwapCluster content = Cluster(cluster);
        int order = content.Order < OrderCount ? content.Order : 0;
        return content.Used == 0 ? (int)SwapClusterList.Free
            : content.Used <= UnusableOf(cluster) ? (int)SwapClusterList.Partial
            : content.Used < SwapCluster.SlotCount ? (int)SwapClusterList.Partial + order : (int)SwapClusterList.None;
    }

    private void Append(int list, uint cluster)
    {
        ref SwapCluster content = ref Cluster(cluster);
        content.List = (ushort)list;
        content.Next = 0;
        content.Previous = 0;
        if (list == (int)SwapClusterList.None)
        {
            return;
        }

        content.Previous = lastOf[list];
        if (content.Previous == 0)
        {
            firstOf[list] = cluster + 1;
        }
        else
        {
            Cluster(content.Previous - 1).Next = cluster + 1;
        }

        lastOf[list] = cluster + 1;
    }

    // Links come from the arena: one that names no cluster of the area is reported, and the lists are made anew.
    private void Detach(uint cluster)
    {
        ref SwapCluster content = ref Cluster(cluster);
        if (content.List == (int)SwapClusterList.None)
        {
            return;
        }

        if (content.Next > clusterCount || content.Previous > clusterCount || content.List >= ListCount)
        {
            log.Report(new Corruption(CorruptionCategory.Swap, "links of a swap cluster", AddressOf((ulong)cluster << SwapCluster.SlotShift), clusterCount, content.Next));
            Relink(cluster);
            return;
        }

        int list = content.List;
        if (content.Previous == 0)
        {
            firstOf[list] = content.Next;
        }
        else
        {
            Cluster(content.Previous - 1).Next = content.Next;
        }

        if (content.Next == 0)
        {
            lastOf[list] = content.Previous;
        }
        else
        {
            Cluster(content.Next - 1).Previous = content.Previous;
        }

        content.List = (ushort)SwapClusterList.None;
    }

    private void Relink(uint except)
    {
        firstOf.AsSpan().Clear();
        lastOf.AsSpan().Clear();
        for (uint i = 0; i < clusterCount; i++)
        {
            Cluster(i).List = (ushort)SwapClusterList.None;
            uint used = Cluster(i).Used;
            if (i != except && !IsTakenByCpu(i) && used < SwapCluster.SlotCount)
            {
                Append(ListFor(i), i);
            }
        }
    }
}
