// A machine whose zones are those of a recorded /proc/zoneinfo.
//
// The file says how many frames of a zone's span are RAM (present) and how many of them the allocator manages, but not which.
// Here the managed frames come first, then the present ones that boot has kept, then the hole. Banks have whole pageblocks, so
// up to 511 absent frames at a bank's end exist as kept frames; the zone still says what the file says.
//
// Spans may overlap: those of nodes whose memory alternates, and those of two zones that meet within a pageblock. A pageblock belongs to
// one zone here. So the zones with the fewest holes choose first, and the others take what is left of their spans.
//
// The model's own metadata lies in a bank above the last zone that belongs to no zone, so that the zones lose nothing to it.
//
// The file does not print vm.min_free_kbytes and vm.watermark_scale_factor either, but they follow from the watermarks
// (mm/page_alloc.c, __setup_per_zone_wmarks): min = min_free × managed / Σ managed bounds the first, and low − min the second.

using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Diagnostics.Procfs;

/// <summary>What is needed to boot a machine with the zones of a recorded <c>/proc/zoneinfo</c>.</summary>
public sealed class RecordedLayout
{
    private const ulong PageBlockPages = 1UL << Order.PageBlockValue;

    // As much of the widest physical memory as zones may have: the metadata come above.
    private const ulong FramesMax = PhysicalMemory.SpanBytesMax >> (Pfn.PageShift + 1);

    private readonly List<MemoryBank> banks = [];
    private readonly List<ZoneSpan> spans = [];
    private readonly List<(ulong From, ulong End)> kept = [];
    private readonly int[] nodes;

    /// <summary>Derives the machine.</summary>
    /// <exception cref="ProcFormatException">The model cannot have such zones: device or high memory, two zones in one pageblock, no memory.</exception>
    public RecordedLayout(ZoneInfoFile file)
    {
        RecordedZone[] present = [.. file.Zones.Where(zone => zone.PresentPages > 0).OrderBy(zone => zone.SpannedPages - zone.PresentPages).ThenBy(zone => zone.StartPfn)];
        foreach (RecordedZone zone in present)
        {
            AddZone(zone, present);
        }

        RecordedZone[] populated = [.. file.Zones.Where(zone => zone.ManagedPages > 0)];
        if (populated.Length == 0)
        {
            throw new ProcFormatException(file.Zones[0].Line, "no zone has memory", "a zone with managed pages");
        }

        spans.Sort((a, b) => (a.Node, a.Type).CompareTo((b.Node, b.Type)));
        JoinBanks();
        AddMetadataBank(file.CpuCount, file.Zones[0].Line);
        MinFreeKilobytes = DeriveMinFree([.. populated.Where(zone => zone.Name != "Movable")]);
        WatermarkScaleFactor = DeriveScaleFactor(populated);
        CpuCount = file.CpuCount;
        nodes = [.. spans.Select(span => span.Node).Distinct()];
    }

    /// <summary>Where RAM is: the zones' banks, and one above them for the model's metadata.</summary>
    public ReadOnlySpan<MemoryBank> Banks => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(banks);

    /// <summary>The zones, by node and then by type.</summary>
    public IReadOnlyList<ZoneSpan> Zones => spans;

    /// <summary>CPUs of the machine.</summary>
    public int CpuCount { get; }

    /// <summary><c>vm.min_free_kbytes</c>, as the watermarks imply it.</summary>
    public uint MinFreeKilobytes { get; }

    /// <summary><c>vm.watermark_scale_factor</c>, as the watermarks imply it.</summary>
    public uint WatermarkScaleFactor { get; }

    /// <summary>The allocator's options for these zones.</summary>
    public PageAllocatorOptions Options => new()
    {
        CpuCount = CpuCount,

        // The file does not tell which node a CPU belongs to: they take turns, among the nodes that there are.
        CpuNodes = [.. Enumerable.Range(0, CpuCount).Select(cpu => nodes[cpu % nodes.Length])],
        Zones = spans,
        MinFreeKilobytes = MinFreeKilobytes,
        WatermarkScaleFactor = WatermarkScaleFactor,
    };

    /// <summary>Takes the frames that the real machine's allocator does not manage. To be called before anything else is reserved.</summary>
    public void ReserveKept(MemoryLayout layout)
    {
        foreach ((ulong from, ulong end) in kept)
        {
            layout.ReserveAt("kept by boot", new Pfn((uint)from).Address, (end - from) << Pfn.PageShift);
        }
    }

    private void AddZone(RecordedZone zone, IEnumerable<RecordedZone> all)
    {
        if (zone.StartPfn > FramesMax || zone.SpannedPages > FramesMax - zone.StartPfn)
        {
            throw new ProcFormatException(zone.Line, $"zone {zone.Name} spans {zone.SpannedPages} frames from {zone.StartPfn}", "memory below 4 TiB");
        }

        if (!TryGetType(zone.Name, out ZoneType type))
        {
            throw new ProcFormatException(zone.Line, $"zone {zone.Name} has memory", "memory in DMA, DMA32, Normal and Movable only");
        }

        spans.Add(new ZoneSpan(zone.Node, type, new Pfn((uint)zone.StartPfn), (uint)zone.SpannedPages) { PresentPages = (uint)zone.PresentPages });
        (ulong From, ulong End)[] foreign = [.. all.Where(other => other != zone && other.Node == zone.Node).Select(other => (RoundDown(other.StartPfn), RoundUp(EndOf(other))))];
        ulong managed = zone.ManagedPages;
        ulong left = zone.PresentPages;
        for (ulong from = RoundDown(zone.StartPfn); left > 0 && from < EndOf(zone);)
        {
            ulong end = FindRun(ref from, EndOf(zone), foreign);
            ulong first = Math.Max(from, zone.StartPfn);
            if (first >= Math.Min(end, EndOf(zone)))
            {
                break;
            }

            ulong here = Math.Min(left, Math.Min(end, EndOf(zone)) - first);
            ulong managedHere = Math.Min(managed, here);
            AddRun(zone.Node, from, first, managedHere, RoundUp(first + here));
            managed -= managedHere;
            left -= here;
            from = end;
        }

        if (managed > 0)
        {
            throw new ProcFormatException(zone.Line, $"zone {zone.Name} has no room for {managed} of its frames beside the other zones", "zones of whole pageblocks");
        }
    }

    // The next pageblocks that no bank has yet and no other zone of the node spans.
    private ulong FindRun(ref ulong from, ulong limit, (ulong From, ulong End)[] foreign)
    {
        (ulong From, ulong End)[] taken = [.. foreign, .. banks.Select(bank => ((ulong)bank.Start.Pfn.ToUInt32(), bank.End.ToUInt64() >> Pfn.PageShift))];
        Array.Sort(taken);
        ulong end = RoundUp(limit);
        foreach ((ulong first, ulong last) in taken)
        {
            if (first > from)
            {
                end = Math.Min(end, first);
                break;
            }

            from = Math.Max(from, last);
        }

        return end;
    }

    private void AddRun(int node, ulong from, ulong first, ulong managed, ulong end)
    {
        banks.Add(new MemoryBank(new Pfn((uint)from).Address, (end - from) << Pfn.PageShift, node));
        if (from < first)
        {
            kept.Add((from, first));
        }

        if (first + managed < end)
        {
            kept.Add((first + managed, end));
        }
    }

    // Banks ascend, and one that follows another of the same node without a gap continues it.
    private void JoinBanks()
    {
        banks.Sort((a, b) => a.Start.CompareTo(b.Start));
        for (int i = banks.Count - 1; i > 0; i--)
        {
            if (banks[i - 1].End == banks[i].Start && banks[i - 1].Node == banks[i].Node)
            {
                banks[i - 1] = banks[i - 1] with { LengthBytes = banks[i - 1].LengthBytes + banks[i].LengthBytes };
                banks.RemoveAt(i);
            }
        }
    }

    private static ulong EndOf(RecordedZone zone) => zone.StartPfn + zone.SpannedPages;

    private static ulong RoundDown(ulong pfn) => pfn & ~(PageBlockPages - 1);

    private static ulong RoundUp(ulong pfn) => RoundDown(pfn + PageBlockPages - 1);

    // Room for descriptors (1/64), states, pageblocks and per-CPU lists, with a margin. The host commits what is touched.
    private void AddMetadataBank(int cpuCount, int line)
    {
        ulong start = RoundUp(spans.Max(span => (ulong)span.Start.ToUInt32() + span.SpannedPages));
        ulong first = banks[0].Start.Pfn.ToUInt32();
        ulong pages = ((start - first) / 32) + (32 * PageBlockPages) + ((ulong)cpuCount * PageBlockPages);
        pages = RoundUp(pages);
        if (start + pages >= uint.MaxValue)
        {
            throw new ProcFormatException(line, $"memory ends at frame {start}", "room for the model's metadata above it");
        }

        // Boot-time metadata is taken from node 0 first, from the top down.
        banks.Add(new MemoryBank(new Pfn((uint)start).Address, pages << Pfn.PageShift, 0));
    }

    // min = pages × managed / total, rounded down, for each zone: the smallest number of pages that gives every min. Where
    // none does (another kernel's rule, a zone changed meanwhile) the largest zone decides.
    private static uint DeriveMinFree(RecordedZone[] lowmem)
    {
        if (lowmem.Length == 0)
        {
            return Watermarks.ComputeMinFreeKilobytes(0);
        }

        ulong total = lowmem.Aggregate(0UL, (sum, zone) => sum + zone.ManagedPages);
        ulong pages = 0;
        foreach (RecordedZone zone in lowmem.OrderBy(zone => zone.ManagedPages))
        {
            ulong needed = CeilingDivide((UInt128)zone.GetWatermark("min") * total, zone.ManagedPages);
            ulong tooMany = CeilingDivide((UInt128)(zone.GetWatermark("min") + 1) * total, zone.ManagedPages);
            pages = pages < needed || pages >= tooMany ? needed : pages;
        }

        return (uint)Math.Min(pages << (Pfn.PageShift - 10), uint.MaxValue >> 1);
    }

    // low − min = max(min / 4, managed × factor / 10000)
    private static uint DeriveScaleFactor(RecordedZone[] populated)
    {
        RecordedZone largest = populated.MaxBy(zone => zone.ManagedPages)!;
        ulong min = largest.GetWatermark("min");
        ulong low = largest.GetWatermark("low");
        ulong step = low > min ? low - min : 0;
        ulong usual = Math.Max(min >> 2, largest.ManagedPages * Watermarks.ScaleFactorDefault / 10000);
        return step == usual || step <= min >> 2
            ? Watermarks.ScaleFactorDefault
            : (uint)Math.Clamp(CeilingDivide((UInt128)step * 10000, largest.ManagedPages), 1, 3000);
    }

    private static ulong CeilingDivide(UInt128 value, ulong divisor) => (ulong)((value + divisor - 1) / divisor);

    private static bool TryGetType(string name, out ZoneType type)
    {
        for (type = 0; (int)type < ZoneTypes.Count; type++)
        {
            if (ZoneTypes.GetName(type) == name)
            {
                return true;
            }
        }

        return false;
    }
}
