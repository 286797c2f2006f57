// Runs a trace's steps on the model's page allocator: each allocation with its CPU, order and flags, each free with its CPU.
//
// Blocks that the trace only sees freed are allocated before, in the order of their addresses on the real machine, so that
// neighbours there become neighbours here, with the migrate type that the trace names for their pageblock (movable where it
// names none) and in the zone that they lay in where the zones are known. The lists are then drained; where the machine's zoneinfo
// is known, they begin with as many pages and with the limits that it had, else empty.
//
// Once a second of the trace's time each CPU does for its lists what Linux does then. The content of pages plays no part, so
// nothing is zeroed.

using Engine.Core.Buddy;
using Engine.Core.Diagnostics.Procfs;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Mmsim.Kmem;

/// <summary>The replay of a trace on the model's page allocator.</summary>
internal sealed class KmemReplay
{
    private readonly ReplayProgram program;
    private readonly PageAllocator pages;
    private readonly GfpFlags[] flags;
    private readonly Pfn[] slots;
    private readonly Pfn[] earlier;
    private readonly List<FragmentationSample> samples = [];

    /// <summary>Prepares a replay.</summary>
    /// <param name="program">The steps.</param>
    /// <param name="gfps">The flags that the steps name.</param>
    /// <param name="pages">The model's allocator, with a CPU for each that the trace names.</param>
    public KmemReplay(ReplayProgram program, GfpTable gfps, PageAllocator pages)
    {
        this.program = program;
        this.pages = pages;
        flags = [.. Enumerable.Range(0, gfps.Count).Select(index => ToModel(gfps.GetFlags(index)))];
        slots = new Pfn[program.SlotCount];
        earlier = new Pfn[program.Earlier.Count];
        Array.Fill(earlier, Pfn.None);
    }

    /// <summary>The zones' free memory over time, in order.</summary>
    public IReadOnlyList<FragmentationSample> Samples => samples;

    /// <summary>Allocations that the model could not do.</summary>
    public long Failures { get; private set; }

    /// <summary>Steps done.</summary>
    public long StepsDone { get; private set; }

    /// <summary>Blocks from before the trace that the model had no room for.</summary>
    public long EarlierFailures { get; private set; }

    /// <summary>What happened in all zones during the replay: counters at its end less those at its beginning.</summary>
    public ZoneReport Report { get; private set; }

    /// <summary>Allocates what was allocated before the trace began.</summary>
    /// <param name="realZones">Where each zone lay on the real machine; empty where that is not known.</param>
    public void PrepareEarlier(IReadOnlyList<ZoneSpan> realZones)
    {
        CpuId cpu = new(0);
        IReadOnlyList<EarlierBlock> blocks = program.Earlier;
        ulong[] order = new ulong[blocks.Count];
        for (int i = 0; i < order.Length; i++)
        {
            // Of several with the same frame, the one that was freed first comes first.
            order[i] = ((ulong)blocks[i].Pfn << 32) | (uint)i;
        }

        Array.Sort(order);
        foreach (ulong one in order)
        {
            int index = unchecked((int)one);
            EarlierBlock block = blocks[index];
            GfpFlags gfp = FlagsOf(block.Pfn, realZones);
            if (!pages.TryAllocate(cpu, new Order(block.Order), gfp, out earlier[index]))
            {
                EarlierFailures++;
            }
        }

        pages.DrainAll(cpu);
    }

    /// <summary>
    /// Gives each CPU's lists what the recorded machine had on them, and the limit that its use had tuned them to. The file tells
    /// how many pages, not of which type: that much as the trace needed before it first refilled a list is of the list's type, and the
    /// rest, which the trace never asked for, is reclaimable.
    /// </summary>
    /// <param name="zones">The recorded machine's zones.</param>
    public void PrepareLists(IReadOnlyList<RecordedZone> zones)
    {
        foreach (RecordedZone recorded in zones)
        {
            Zone? zone = pages.Zones.FirstOrDefault(zone => zone.Node == recorded.Node && ZoneTypes.GetName(zone.Type) == recorded.Name && zone.ManagedPages > 0);
            if (zone is null)
            {
                continue;
            }

            foreach (RecordedPerCpu lists in recorded.PerCpu)
            {
                CpuId cpu = new(lists.Cpu);
                long left = (long)Math.Min(lists.Count, (ulong)long.MaxValue);
                long movable = Math.Min(left, program.Lists.GetFirst(lists.Cpu, MigrateType.Movable));
                long unmovable = Math.Min(left - movable, program.Lists.GetFirst(lists.Cpu, MigrateType.Unmovable));
                pages.SetListLimit(cpu, zone, (int)Math.Min(lists.High, int.MaxValue));
                FillList(cpu, left - movable - unmovable, InZone(GfpFlags.Kernel | GfpFlags.Reclaimable, zone.Type));
                FillList(cpu, unmovable, InZone(GfpFlags.Kernel, zone.Type));
                FillList(cpu, movable, InZone(GfpFlags.HighUserMovable, zone.Type));
            }
        }
    }

    // What is taken first and given back then stays on the lists, as their limit allows it.
    private void FillList(CpuId cpu, long count, GfpFlags gfp)
    {
        List<Pfn> held = [];
        while (held.Count < count && pages.TryAllocate(cpu, Order.Zero, gfp, out Pfn pfn))
        {
            held.Add(pfn);
        }

        foreach (Pfn pfn in held)
        {
            pages.Free(cpu, pfn, Order.Zero);
        }
    }

    /// <summary>Runs all steps.</summary>
    /// <param name="sampleCount">How often to look at the zones, at equal distances in steps; the beginning comes in addition.</param>
    /// <param name="stop">Ends the replay early.</param>
    public void Run(int sampleCount, CancellationToken stop = default)
    {
        ZoneReport before = Sum();
        Sample(0);
        long count = program.Count;
        uint tick = 1;
        int taken = 0;
        foreach (ReadOnlyMemory<ReplayOp> block in program.Blocks)
        {
            ReadOnlyMemory<ReplayOp> rest = block;
            while (rest.Length > 0 && !stop.IsCancellationRequested)
            {
                // Up to the next sample, or the end of the block.
                long next = taken < sampleCount ? Math.Max(StepsDone + 1, count * (taken + 1) / sampleCount) : count;
                int length = (int)Math.Min(rest.Length, next - StepsDone);
                RunSteps(rest.Span[..length], ref tick);
                StepsDone += length;
                if (StepsDone == next && taken < sampleCount)
                {
                    taken++;
                    Sample(ReplayProgram.SecondsOf(rest.Span[length - 1]));
                }

                rest = rest[length..];
            }
        }

        Report = Subtract(Sum(), before);
    }

    private void RunSteps(ReadOnlySpan<ReplayOp> steps, ref uint tick)
    {
        foreach (ref readonly ReplayOp step in steps)
        {
            while (step.Time >= tick * ReplayProgram.TimeUnitsPerSecond)
            {
                tick = Tick(tick, step.Time);
            }

            CpuId cpu = new(step.Cpu);
            Order order = new(step.Order);
            switch (step.Kind)
            {
                case ReplayOpKind.Alloc:
                    if (!pages.TryAllocate(cpu, order, flags[step.Gfp], out slots[step.Slot]))
                    {
                        Failures++;
                    }

                    break;
                case ReplayOpKind.Free:
                    Pfn pfn = (step.Slot & ReplayOp.EarlierBit) == 0 ? slots[step.Slot] : earlier[step.Slot & ~ReplayOp.EarlierBit];
                    if (pfn != Pfn.None)
                    {
                        pages.Free(cpu, pfn, order);
                    }

                    break;
                default:
                    Split(cpu, step);
                    break;
            }
        }
    }

    // After a long silence one round is enough: the lists have long been empty.
    private uint Tick(uint tick, uint time)
    {
        for (int cpu = 0; cpu < pages.CpuCount; cpu++)
        {
            pages.Tick(new CpuId(cpu));
        }

        const uint RoundsMax = 64;
        uint due = time / ReplayProgram.TimeUnitsPerSecond;
        return due > tick + RoundsMax ? due - RoundsMax : tick + 1;
    }

    private void Split(CpuId cpu, in ReplayOp step)
    {
        ReadOnlySpan<uint> parts = program.Splits[(int)step.Slot];
        Pfn block = slots[parts[0]];
        if (block != Pfn.None)
        {
            _ = pages.TrySplit(block, Order.Zero);
        }

        parts = parts[1..];
        for (int i = 0; i < parts.Length; i++)
        {
            slots[parts[i]] = block == Pfn.None ? Pfn.None : block + (uint)i;
        }
    }

    private GfpFlags FlagsOf(uint pfn, IReadOnlyList<ZoneSpan> realZones)
    {
        // Two types have flags of their own; the others hold kernel or movable memory like the type they came from.
        GfpFlags type = program.GetPageBlockType(pfn) switch
        {
            (int)MigrateType.Unmovable or (int)MigrateType.HighAtomic => GfpFlags.Kernel,
            (int)MigrateType.Reclaimable => GfpFlags.Kernel | GfpFlags.Reclaimable,
            _ => GfpFlags.HighUserMovable,
        };
        foreach (ZoneSpan span in realZones)
        {
            if (span.Contains(new Pfn(pfn)))
            {
                return InZone(type, span.Type);
            }
        }

        return type;
    }

    private static GfpFlags InZone(GfpFlags gfp, ZoneType type) => type switch
    {
        ZoneType.Dma => (gfp & ~GfpFlags.HighMem) | GfpFlags.Dma,
        ZoneType.Dma32 => (gfp & ~GfpFlags.HighMem) | GfpFlags.Dma32,
        _ => gfp,
    };

    // The content is not replayed, and a compound page's tails play no part in the allocator.
    private static GfpFlags ToModel(GfpFlags gfp) => gfp & ~(GfpFlags.Zero | GfpFlags.ZeroTags | GfpFlags.Comp);

    private void Sample(double seconds)
    {
        foreach (Zone zone in pages.Zones.Where(zone => zone.ManagedPages > 0))
        {
            samples.Add(FragmentationSample.Take(zone, seconds, StepsDone));
        }
    }

    private ZoneReport Sum()
    {
        ZoneReport sum = default;
        foreach (Zone zone in pages.Zones)
        {
            ZoneReport one = pages.GetZoneReport(zone);
            sum = Combine(sum, one, (a, b) => a + b);
        }

        return sum;
    }

    private static ZoneReport Subtract(in ZoneReport from, in ZoneReport what) => Combine(from, what, (a, b) => a - b);

    private static ZoneReport Combine(in ZoneReport a, in ZoneReport b, Func<ulong, ulong, ulong> with) => new(
        with(a.Allocations, b.Allocations), with(a.AllocatedPages, b.AllocatedPages), with(a.FreedPages, b.FreedPages),
        with(a.NumaMisses, b.NumaMisses), with(a.NumaForeign, b.NumaForeign), with(a.NumaOther, b.NumaOther),
        with(a.Refilled, b.Refilled), with(a.Drained, b.Drained), with(a.ZoneLocked, b.ZoneLocked),
        with(a.ExtFrag, b.ExtFrag), with(a.ExtFragFragmenting, b.ExtFragFragmenting), with(a.ExtFragOwnership, b.ExtFragOwnership));
}
