using System.Runtime.CompilerServices;
using Engine.Core.Buddy;
using Engine.Core.Units;

namespace Engine.Core.Zones;

/// <summary>One zone of one node: its span, its watermarks and its free memory (<c>struct zone</c>).</summary>
public sealed unsafe class Zone
{
    // The lock is the host's, not the arena's: no flipped bit can hold it for ever.
    private PaddedInt32 gate;

    internal Zone(int index, in ZoneSpan span, ZoneState* state)
    {
        Index = index;
        Span = span;
        State = state;
    }

    /// <summary>Place among all zones, by node and then by type, 0-based.</summary>
    public int Index { get; }

    /// <summary>What it covers.</summary>
    public ZoneSpan Span { get; }

    /// <summary>NUMA node.</summary>
    public int Node => Span.Node;

    /// <summary>Its kind.</summary>
    public ZoneType Type => Span.Type;

    /// <summary>RAM pages in the span (<c>present_pages</c>).</summary>
    public ulong PresentPages { get; internal set; }

    /// <summary>Pages that the allocator was given at boot (<c>managed_pages</c>).</summary>
    public ulong ManagedPages { get; internal set; }

    /// <summary>Pages of CMA pageblocks (<c>cma_pages</c>).</summary>
    public ulong CmaPages { get; internal set; }

    /// <summary>Pages in free blocks; those on per-CPU lists are not among them (<c>NR_FREE_PAGES</c>).</summary>
    public ulong FreePages => (ulong)Math.Max(0, Volatile.Read(ref State->FreePages));

    /// <summary>Pages of CMA pageblocks in free blocks.</summary>
    public ulong FreeCmaPages => (ulong)Math.Max(0, Volatile.Read(ref State->FreeCmaPages));

    /// <summary>Pages by which all watermarks are raised for now.</summary>
    public ulong WatermarkBoost => (ulong)Math.Clamp(State->WatermarkBoost, 0, long.MaxValue >> 1);

    /// <summary>Pages in the high-atomic reserve's pageblocks.</summary>
    public ulong ReservedHighAtomicPages => (ulong)Math.Max(0, State->ReservedHighAtomic);

    /// <summary>The flags.</summary>
    public ZoneFlags Flags => (ZoneFlags)Volatile.Read(ref State->Flags);

    /// <summary>Free blocks taken from another type (<c>mm_page_alloc_extfrag</c>).</summary>
    public long ExtFragCount => State->ExtFrag;

    /// <summary>The watermarks without the boost.</summary>
    public Watermarks Watermarks => new(State->Marks[0], State->Marks[1], State->Marks[2], State->Marks[3]);

    internal ZoneState* State { get; }

    internal FreeArea Area { get; set; } = null!;

    /// <summary>Counts the free blocks of each order by walking the zone's maps. No CPU may be acting meanwhile.</summary>
    /// <param name="byOrder">Gets the counts, order 0 first; <see cref="Order.Count"/> of them.</param>
    public void CountFreeBlocks(Span<ulong> byOrder)
    {
        Span<long> byType = stackalloc long[MigrateTypes.Count * Order.Count];
        Area.CountBlocks(byType);
        byOrder.Clear();
        for (int i = 0; i < byType.Length; i++)
        {
            byOrder[i % Order.Count] += (ulong)byType[i];
        }
    }

    /// <summary>A watermark with the boost (<c>wmark_pages</c>).</summary>
    public ulong GetWatermark(Watermark mark) => State->Marks[(int)mark] + WatermarkBoost;

    /// <summary>Pages kept from allocations that may use zones up to <paramref name="highest"/> (<c>lowmem_reserve</c>).</summary>
    public ulong GetLowmemReserve(ZoneType highest) => (ulong)Math.Max(0, State->LowmemReserve[(int)highest]);

    /// <summary>The node, kind and span.</summary>
    public override string ToString() => $"Node {Node}, zone {ZoneTypes.GetName(Type)}";

    /// <summary>Whether the free memory passes every watermark that an ordinary allocation checks, by one compare.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool PassesFastMark(ZoneState* state, int order, long* mark) =>
        unchecked(state->FreePages - (1L << order)) >= *mark && (state->PcpTypeOrders >> order) != 0;

    /// <summary>Counts the zone's free blocks by order, all types together (<c>/proc/buddyinfo</c>), by walking its maps.</summary>
    public long[] CountFreeBlocks()
    {
        long[] total = new long[Order.Count];
        long[] byType = CountFreeBlocksByType();
        for (int i = 0; i < byType.Length; i++)
        {
            total[i % Order.Count] += byType[i];
        }

        return total;
    }

    /// <summary>Counts the zone's free blocks by type and order (<c>/proc/pagetypeinfo</c>): type × <see cref="Order.Count"/> + order.</summary>
    public long[] CountFreeBlocksByType()
    {
        long[] counts = new long[MigrateTypes.Count * Order.Count];
        Area.CountBlocks(counts);
        return counts;
    }

    /// <summary>Counts the zone's pageblocks by type.</summary>
    public long[] CountPageBlocks()
    {
        long[] counts = new long[MigrateTypes.Count];
        Area.CountPageBlocks(counts);
        return counts;
    }

    internal void SetFlag(ZoneFlags flag)
    {
        if ((Volatile.Read(ref State->Flags) & (int)flag) == 0)
        {
            Interlocked.Or(ref State->Flags, (int)flag);
        }
    }

    internal bool ClearFlag(ZoneFlags flag) =>
        (Volatile.Read(ref State->Flags) & (int)flag) != 0 && (Interlocked.And(ref State->Flags, ~(int)flag) & (int)flag) != 0;

    internal void Acquire()
    {
        if (Interlocked.CompareExchange(ref gate.Value, 1, 0) != 0)
        {
            AcquireContended();
        }
    }

    internal void Release() => Volatile.Write(ref gate.Value, 0);

    /// <summary>Sets or clears <see cref="ZoneFlags.BelowHigh"/>, which decides what the fast paths compare with. The zone's lock is not held.</summary>
    /// <param name="isBelow">Whether free memory is below the high watermark.</param>
    internal void SetBelowHigh(bool isBelow)
    {
        Acquire();
        if (isBelow)
        {
            SetFlag(ZoneFlags.BelowHigh);
        }
        else
        {
            ClearFlag(ZoneFlags.BelowHigh);
        }

        UpdateFastMarks();
        Release();
    }

    /// <summary>
    /// Recomputes <see cref="ZoneState.FastMark"/> from watermarks, boost, reserves. FastMark m means: an allocation of 2^order pages
    /// passes when free − 2^order ≥ m, that is when free − (2^order − 1) > m. The high watermark is looked at first, and no longer once
    /// <see cref="ZoneFlags.BelowHigh"/> says that it was missed: then the low one decides alone.
    /// </summary>
    internal void UpdateFastMarks()
    {
        for (int highest = 0; highest < ZoneTypes.Count; highest++)
        {
            State->FastMark[highest] = ComputeFastMark(highest);
        }
    }

    /// <summary>What <see cref="ZoneState.FastMark"/> has to be.</summary>
    internal long ComputeFastMark(int highest)
    {
        Watermark mark = (Flags & ZoneFlags.BelowHigh) != 0 ? Watermark.Low : Watermark.High;
        return unchecked(State->Marks[(int)mark] + State->WatermarkBoost + State->ReservedHighAtomic + (long)CmaPages + State->LowmemReserve[highest]);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AcquireContended()
    {
        SpinWait spin = default;
        while (Volatile.Read(ref gate.Value) != 0 || Interlocked.CompareExchange(ref gate.Value, 1, 0) != 0)
        {
            spin.SpinOnce(sleep1Threshold: -1);
        }
    }
}
