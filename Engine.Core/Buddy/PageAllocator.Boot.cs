using Engine.Core.Arena;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.PerCpu;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <content>Boot: what the arena holds, and the first free blocks.</content>
public sealed unsafe partial class PageAllocator
{
    private readonly PageBlockTable pageBlocks;
    private readonly int[] cpuNodes;
    private readonly int nodeCount;

    // By node: the zones in the order tried, and those of the node alone (__GFP_THISNODE).
    private readonly Zone[][] zoneLists;
    private readonly Zone[][] localZoneLists;

    // By node and route; null where the flags contradict each other.
    private readonly AllocationRoute?[] nodeRoutes;
    private readonly AllocationRoute?[] localRoutes;

    /// <summary>Boots the allocator over all memory that the layout leaves free.</summary>
    /// <param name="memory">The memory whose frames are managed.</param>
    /// <param name="layout">The boot plan; gets the allocator's own regions. What others reserve must be reserved before.</param>
    /// <param name="frames">The frames' descriptors; not touched here.</param>
    /// <param name="log">Where bad frees and inconsistencies are reported.</param>
    /// <param name="options">See <see cref="PageAllocatorOptions"/>.</param>
    /// <exception cref="ArgumentException">The options contradict themselves or the memory, or the memory is too small.</exception>
    public PageAllocator(PhysicalMemory memory, MemoryLayout layout, FrameTable frames, CorruptionLog log, PageAllocatorOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.CpuCount, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.CpuCount, 4096, nameof(options));
        Memory = memory;
        Frames = frames;
        Log = log;
        Options = options;
        cpuCount = options.CpuCount;
        checkPages = options.CheckPages;
        descriptors = frames.Biased;
        firstPfn = frames.First.Value;
        frameCount = frames.Count;
        IReadOnlyList<ZoneSpan> spans = options.Zones ?? ZonePlan.ForArm64(memory.Banks, options.ZoneDmaBits, options.MovableBytes);
        CheckSpans(spans);
        nodeCount = 1 + spans.Max(span => span.Node);
        cpuNodes = [.. Enumerable.Range(0, cpuCount).Select(cpu => options.CpuNodes?[cpu] ?? cpu % nodeCount)];

        pageBlocks = new PageBlockTable(memory, layout);
        blocks = pageBlocks.Blocks;
        MemoryRegion stateRegion = layout.Reserve("frame states", frameCount);
        states = memory.Bias + stateRegion.Start.Value - firstPfn;
        zones = MakeZones(layout, spans);
        lists = MakeLists(layout);
        (deferred, diced) = MakeWorkerSlots(layout);
        RegisterMetadata(layout);
        Lru = new Reclaim.LruLists(this, layout);

        SeedAll(layout);
        (zoneLists, localZoneLists) = MakeZoneLists();
        nodeRoutes = new AllocationRoute?[nodeCount << RouteShift];
        localRoutes = new AllocationRoute?[nodeCount << RouteShift];
        FastRoute[] made = MakeRoutes();
        routes = checkPages ? [] : made;
        freeRoutes = checkPages ? [] : MakeFreeRoutes();
        minFreeKilobytes = ComputeMinFree();
        UpdateLimits();
    }

    /// <summary>Pages managed in all zones.</summary>
    public ulong ManagedPages => zones.Aggregate(0UL, (sum, zone) => sum + zone.ManagedPages);

    /// <summary>The LRU lists of the zones' user pages.</summary>
    public Reclaim.LruLists Lru { get; }

    /// <summary>How many NUMA nodes there are.</summary>
    public int NodeCount => nodeCount;

    /// <summary>The node of a CPU.</summary>
    public int GetNode(CpuId cpu) => cpuNodes[cpu.Value];

    /// <summary>The regions that hold the allocator's own data, with their sizes.</summary>
    public IReadOnlyList<MemoryRegion> MetadataRegions { get; private set; } = [];

    /// <summary>Bytes of the free maps, the pageblock table and the free-area bitmaps: what knows which memory is free.</summary>
    public ulong BitmapBytes { get; private set; }

    /// <summary>The zones that an allocation by a CPU of this node tries, in this order.</summary>
    public IReadOnlyList<Zone> GetZoneList(int node) => zoneLists[node];

    private void CheckSpans(IReadOnlyList<ZoneSpan> spans)
    {
        if (spans.Count is 0 or > 254)
        {
            throw new ArgumentException($"{spans.Count} zones; 1 to 254 are possible", nameof(spans));
        }

        for (int i = 0; i < spans.Count; i++)
        {
            ZoneSpan span = spans[i];
            if (span.SpannedPages == 0 || span.Node < 0 || unchecked(span.Start.Value - firstPfn) >= frameCount || span.End.Value - firstPfn > frameCount)
            {
                throw new ArgumentException($"zone {i} spans {span.Start}..{span.End}, which memory does not", nameof(spans));
            }
        }
    }

    private Zone[] MakeZones(MemoryLayout layout, IReadOnlyList<ZoneSpan> spans)
    {
        MemoryRegion stateRegion = layout.Reserve("zones", (ulong)spans.Count * ZoneState.SizeBytes);
        MemoryRegion treeRegion = layout.Reserve(
            "free area bitmaps", (ulong)spans.Sum(span => (long)FreeArea.TreeWords(span)) * sizeof(ulong));
        ZoneState* state = (ZoneState*)(Memory.Bias + stateRegion.Start.Value);
        ulong* trees = (ulong*)(Memory.Bias + treeRegion.Start.Value);
        Zone[] made = new Zone[spans.Count];
        for (int i = 0; i < made.Length; i++)
        {
            made[i] = new Zone(i, spans[i], state + i);
            made[i].Area = new FreeArea(pageBlocks, trees, state + i, spans[i], i, Log);
            made[i].PresentPages = spans[i].PresentPages ?? CountPresent(spans[i]);
            trees += FreeArea.TreeWords(spans[i]);
        }

        return made;
    }

    private ulong CountPresent(in ZoneSpan span)
    {
        ulong pages = 0;
        foreach (MemoryBank bank in Memory.Banks)
        {
            ulong from = Math.Max(bank.Start.Pfn.Value, span.Start.Value);
            ulong to = Math.Min((bank.End.ToUInt64() >> Pfn.PageShift), span.End.Value);
            pages += bank.Node == span.Node && from < to ? to - from : 0;
        }

        return pages;
    }

    private PerCpuPages[] MakeLists(MemoryLayout layout)
    {
        int[] chunks = [.. zones.Select(zone => PerCpuPages.ChunksFor((int)Math.Max(zone.PresentPages / 8 / (ulong)CpusOf(zone.Node), 256)))];
        ulong poolBytes = (ulong)chunks.Sum(count => (long)PerCpuPages.PoolBytes(count)) * (ulong)cpuCount;
        ulong stateBytes = (ulong)cpuCount * (ulong)zones.Length * PerCpuState.SizeBytes;
        MemoryRegion region = layout.Reserve("per-cpu page lists", stateBytes + poolBytes);
        PerCpuState* state = (PerCpuState*)(Memory.Bias + region.Start.Value);
        byte* pool = Memory.Bias + region.Start.Value + stateBytes;
        PerCpuPages[] made = new PerCpuPages[cpuCount * zones.Length];
        for (int cpu = 0; cpu < cpuCount; cpu++)
        {
            for (int i = 0; i < zones.Length; i++)
            {
                made[(cpu * zones.Length) + i] = new PerCpuPages(new CpuId(cpu), zones[i], state++, (uint*)pool, chunks[i], Log);
                pool += PerCpuPages.PoolBytes(chunks[i]);
            }
        }

        return made;
    }

    // CPUs of the node; all of them where it has none.
    private int CpusOf(int node)
    {
        int count = cpuNodes.Count(other => other == node);
        return count == 0 ? cpuCount : count;
    }

    private void RegisterMetadata(MemoryLayout layout)
    {
        string[] names = ["pageblock table", "free maps", "free area bitmaps", "zones", "frame states", "per-cpu page lists", "deferred frees"];
        MetadataRegions = [.. layout.Regions.Where(region => names.Contains(region.Name))];
        BitmapBytes = MetadataRegions.Where(region => names.AsSpan(0, 3).Contains(region.Name)).Aggregate(0UL, (sum, region) => sum + region.LengthBytes);
    }

    // memblock_free_all(): every pageblock starts movable; what boot has taken is marked.
    private void SeedAll(MemoryLayout layout)
    {
        foreach (Zone zone in zones)
        {
            zone.Area.AddPageBlocks(Memory.Banks, zone.Span);
        }

        foreach (MemoryRegion region in layout.Regions)
        {
            new Span<byte>(states + region.Start.Pfn.Value, (int)(region.LengthBytes >> Pfn.PageShift)).Fill(FrameState.Reserved);
        }

        foreach (MemoryBank range in layout.FreeRanges())
        {
            foreach (Zone zone in zones)
            {
                uint from = Math.Max(range.Start.Pfn.Value, zone.Span.Start.Value);
                uint to = Math.Min((uint)(range.End.ToUInt64() >> Pfn.PageShift), zone.Span.End.Value);
                if (range.Node == zone.Node && from < to)
                {
                    zone.Area.PutRange(from, to);
                    zone.ManagedPages += to - from;
                }
            }
        }
    }

    private (Zone[][] All, Zone[][] Local) MakeZoneLists()
    {
        bool[] hasMemory = new bool[nodeCount];
        bool[] hasCpus = new bool[nodeCount];
        foreach (Zone zone in zones)
        {
            hasMemory[zone.Node] |= zone.ManagedPages > 0;
        }

        foreach (int node in cpuNodes.Where(node => node < nodeCount))
        {
            hasCpus[node] = true;
        }

        Func<int, int, int> distance = Options.NodeDistance ?? ((a, b) => a == b ? ZoneList.LocalDistance : ZoneList.RemoteDistance);
        int[][] order = ZoneList.OrderNodes(hasMemory, hasCpus, distance);
        return ([.. order.Select(nodes => ZoneList.Flatten(zones, nodes))],
            [.. Enumerable.Range(0, nodeCount).Select(node => ZoneList.Flatten(zones, [node]))]);
    }

    // Every combination of the flag bits that decide zone and type, for every node and for every CPU.
    private FastRoute[] MakeRoutes()
    {
        // build_all_zonelists(): too little memory to keep the types apart.
        IsMobilityGroupingDisabled = ManagedPages < (1UL << Order.PageBlockValue) * MigrateTypes.Count;
        FastRoute[] made = new FastRoute[cpuCount << RouteShift];
        for (uint bits = 0; bits <= RouteMask; bits++)
        {
            GfpFlags gfp = (GfpFlags)bits;
            bool isValid = (gfp & (GfpFlags.Movable | GfpFlags.Reclaimable)) != (GfpFlags.Movable | GfpFlags.Reclaimable) && ZoneTypes.TryFromGfp(gfp, out _);
            for (int node = 0; isValid && node < nodeCount; node++)
            {
                nodeRoutes[(node << RouteShift) | (int)bits] = new AllocationRoute(gfp, zoneLists[node], IsMobilityGroupingDisabled, nodeCount == 1);
                localRoutes[(node << RouteShift) | (int)bits] = new AllocationRoute(gfp, localZoneLists[node], IsMobilityGroupingDisabled, nodeCount == 1);
            }

            for (int cpu = 0; cpu < cpuCount; cpu++)
            {
                AllocationRoute? route = nodeRoutes[(cpuNodes[cpu] << RouteShift) | (int)bits];

                // A route to another node is counted as a miss, which the fast path does not do.
                bool isLocal = route?.Preferred is { } preferred && preferred.Node == cpuNodes[cpu];
                PerCpuPages any = lists[cpu * zones.Length];
                made[(cpu << RouteShift) | (int)bits] = new FastRoute(isLocal ? lists[(cpu * zones.Length) + route!.Preferred!.Index] : null, any, route);
            }
        }

        return made;
    }

    private LastFreeRoute[] MakeFreeRoutes()
    {
        LastFreeRoute[] made = new LastFreeRoute[cpuCount];
        for (int cpu = 0; cpu < cpuCount; cpu++)
        {
            made[cpu].Value = new FreeRoute(lists[cpu * zones.Length], (int)MigrateType.Movable);
        }

        return made;
    }
}
