// Turns the trace's events into the steps of a replay, and finds out on the way what each free frees.
//
// A free belongs to the block that the trace has seen allocated at that frame with that order. Where no page of the freed
// range is live, the block dates from before the trace: it is put on a list, to be allocated before the replay begins.
// Where the range overlaps a live block without being the whole of it, the block has been split: its pages become single
// blocks, and those in the range are freed. Where a live page is handed out again, its free was not seen: the old block is
// freed first.
//
// mm_page_free_batched comes in addition to the mm_page_free of the same page and frees nothing.

using Engine.Core.Units;
using Engine.Core.Zones;

namespace Mmsim.Kmem;

/// <summary>The steps of a replay, built from events in the order of the trace.</summary>
internal sealed class ReplayProgram
{
    private const int ChunkShift = 16;
    private const int ChunkOps = 1 << ChunkShift;
    private const int TimeShift = 4;

    /// <summary>Steps carry their time in units of 16 microseconds.</summary>
    public const uint TimeUnitsPerSecond = 1_000_000 >> TimeShift;

    // By frame: the slot of the live block that covers it, plus one.
    private readonly PageMap owners = new();
    private readonly List<ReplayOp[]> chunks = [];
    private readonly List<EarlierBlock> earlier = [];
    private readonly List<uint[]> splits = [];
    private uint[] freeSlots = new uint[1024];
    private int freeSlotCount;
    private (uint Pfn, byte Order)[] slots = new (uint, byte)[1024];
    private byte[] pageBlockTypes = new byte[1024];
    private ReplayOp[] chunk = [];
    private int chunkUsed = ChunkOps;
    private ulong livePages;
    private bool hasTime;

    /// <summary>What the trace says, counted.</summary>
    public KmemCounts Counts { get; } = new();

    /// <summary>What the CPUs' lists held when the trace began.</summary>
    public ListContents Lists { get; } = new();

    /// <summary>How many steps there are.</summary>
    public long Count => chunks.Count == 0 ? 0 : ((long)(chunks.Count - 1) << ChunkShift) + chunkUsed;

    /// <summary>The steps in blocks, in order.</summary>
    public IEnumerable<ReadOnlyMemory<ReplayOp>> Blocks =>
        chunks.Select((ops, index) => new ReadOnlyMemory<ReplayOp>(ops, 0, index == chunks.Count - 1 ? chunkUsed : ChunkOps));

    /// <summary>Blocks that were allocated before the trace began, in the order of their frees.</summary>
    public IReadOnlyList<EarlierBlock> Earlier => earlier;

    /// <summary>By the number in the slot's place of a split: the slot of the block, then those that its pages get.</summary>
    public IReadOnlyList<uint[]> Splits => splits;

    /// <summary>One more than the largest slot.</summary>
    public int SlotCount { get; private set; }

    /// <summary>Blocks allocated in the trace and not freed at its end.</summary>
    public long LiveBlocks => SlotCount - freeSlotCount;

    /// <summary>Pages of blocks allocated in the trace and not freed at its end.</summary>
    public ulong LivePages => livePages;

    /// <summary>The most there were at a time.</summary>
    public ulong PeakLivePages { get; private set; }

    /// <summary>The largest CPU number seen.</summary>
    public int CpuMax { get; private set; }

    /// <summary>The largest frame number seen.</summary>
    public uint PfnMax { get; private set; }

    /// <summary>The first event's time, in the unit of the trace's clock (microseconds as a rule).</summary>
    public ulong FirstTime { get; private set; }

    /// <summary>The largest time seen.</summary>
    public ulong LastTime { get; private set; }

    /// <summary>From the first event to the latest, in seconds.</summary>
    public double Seconds => (LastTime - FirstTime) / 1e6;

    /// <summary>The time of a step since the first event, in seconds.</summary>
    public static double SecondsOf(in ReplayOp op) => ((ulong)op.Time << TimeShift) / 1e6;

    /// <summary>What the trace tells about a frame's pageblock: the last migrate type named for one of its frames, or -1.</summary>
    public int GetPageBlockType(uint pfn)
    {
        uint block = pfn >> Order.PageBlockValue;
        return block < (uint)pageBlockTypes.Length ? pageBlockTypes[block] - 1 : -1;
    }

    /// <summary>Adds one event.</summary>
    public void Add(in KmemEvent item)
    {
        Counts.Add(item);
        if (!hasTime)
        {
            FirstTime = item.Time;
            hasTime = true;
        }

        LastTime = Math.Max(LastTime, item.Time);
        CpuMax = Math.Max(CpuMax, item.Cpu);
        PfnMax = Math.Max(PfnMax, item.Pfn);
        switch (item.Kind)
        {
            case KmemEventKind.Alloc when item.Pfn != 0:
                LearnType(item);
                Lists.Add(item, item.MigrateType);
                Allocate(item);
                break;
            case KmemEventKind.Free:
                int type = GetPageBlockType(item.Pfn);
                Lists.Add(item, type < 0 ? (int)MigrateType.Movable : type);
                Free(item);
                break;
            case KmemEventKind.PcpuDrain:
                LearnType(item);
                Lists.Add(item, item.MigrateType);
                break;
            case KmemEventKind.ZoneLocked:
                Lists.Add(item, item.MigrateType);
                break;
            default:
                break;
        }
    }

    private void Allocate(in KmemEvent item)
    {
        uint count = 1u << item.Order;
        for (uint i = 0; i < count; i++)
        {
            uint owner = owners[unchecked(item.Pfn + i)];
            if (owner != 0)
            {
                Counts.ReallocatedLive++;
                Drop(owner - 1, item);
            }
        }

        livePages += count;
        PeakLivePages = Math.Max(PeakLivePages, livePages);
        Append(ReplayOpKind.Alloc, Take(item.Pfn, item.Order), item.Order, item.Gfp, item);
    }

    private void Free(in KmemEvent item)
    {
        uint owner = owners[item.Pfn];
        if (owner != 0 && slots[owner - 1] == (item.Pfn, item.Order))
        {
            Counts.MatchedFrees++;
            Drop(owner - 1, item);
            return;
        }

        FreeUnknown(item);
    }

    // Parts of live blocks, or a block from before the trace.
    private void FreeUnknown(in KmemEvent item)
    {
        uint count = 1u << item.Order;
        bool isLive = false;
        for (uint i = 0; i < count; i++)
        {
            uint pfn = unchecked(item.Pfn + i);
            if (owners[pfn] != 0)
            {
                isLive = true;
                FreePart(pfn, item);
            }
        }

        if (isLive)
        {
            Counts.DifferingFrees++;
            return;
        }

        Counts.UnknownFrees++;
        Counts.UnknownFreePages += count;
        uint place = (uint)earlier.Count;
        earlier.Add(new EarlierBlock(item.Pfn, item.Order, item.Cpu));
        Append(ReplayOpKind.Free, place | ReplayOp.EarlierBit, item.Order, 0, item);
    }

    // Frees one page of a live block, which is split first unless it is a single page.
    private void FreePart(uint pfn, in KmemEvent item)
    {
        uint slot = owners[pfn] - 1;
        if (slots[slot].Order != 0)
        {
            Split(slot, item);
            slot = owners[pfn] - 1;
        }

        Drop(slot, item);
    }

    private void Split(uint slot, in KmemEvent item)
    {
        (uint pfn, byte order) = slots[slot];
        Append(ReplayOpKind.Split, (uint)splits.Count, order, 0, item);
        uint[] parts = new uint[1 + (1 << order)];
        parts[0] = slot;
        for (int i = 1; i < parts.Length; i++)
        {
            uint page = unchecked(pfn + (uint)i - 1);
            owners.Remove(page);
            parts[i] = Take(page, 0);
        }

        splits.Add(parts);
        GiveBack(slot);
    }

    private void Drop(uint slot, in KmemEvent item)
    {
        (uint pfn, byte order) = slots[slot];
        for (uint i = 0; i < 1u << order; i++)
        {
            owners.Remove(unchecked(pfn + i));
        }

        livePages -= 1u << order;
        GiveBack(slot);
        Append(ReplayOpKind.Free, slot, order, 0, item);
    }

    private uint Take(uint pfn, byte order)
    {
        uint slot = freeSlotCount > 0 ? freeSlots[--freeSlotCount] : AddSlot();
        slots[slot] = (pfn, order);
        for (uint i = 0; i < 1u << order; i++)
        {
            owners.Add(unchecked(pfn + i), slot + 1);
        }

        return slot;
    }

    private uint AddSlot()
    {
        if (SlotCount == slots.Length)
        {
            Array.Resize(ref slots, slots.Length * 2);
            Array.Resize(ref freeSlots, slots.Length);
        }

        return (uint)SlotCount++;
    }

    private void GiveBack(uint slot) => freeSlots[freeSlotCount++] = slot;

    private void LearnType(in KmemEvent item)
    {
        uint block = item.Pfn >> Order.PageBlockValue;
        if (block >= (uint)pageBlockTypes.Length)
        {
            Array.Resize(ref pageBlockTypes, (int)Math.Max(block + 1, (uint)pageBlockTypes.Length * 2));
        }

        pageBlockTypes[block] = (byte)(item.MigrateType + 1);
    }

    private void Append(ReplayOpKind kind, uint slot, byte order, ushort gfp, in KmemEvent item)
    {
        if (chunkUsed == ChunkOps)
        {
            chunk = GC.AllocateUninitializedArray<ReplayOp>(ChunkOps);
            chunks.Add(chunk);
            chunkUsed = 0;
        }

        ulong elapsed = item.Time > FirstTime ? (item.Time - FirstTime) >> TimeShift : 0;
        chunk[chunkUsed++] = new ReplayOp
        {
            Kind = kind,
            Slot = slot,
            Order = order,
            Gfp = gfp,
            Cpu = item.Cpu,
            Time = (uint)Math.Min(elapsed, uint.MaxValue),
        };
    }
}
