using Engine.Arm64.Tlb;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.PropertyTests.Tlb;

/// <summary>
/// What some address spaces map, without any descriptor: regions of 2 MiB that are pages, contiguous runs, one block or nothing, and one area of
/// 32 MiB that is a contiguous run of blocks. Addresses from 1 &lt;&lt; 47 on are global.
/// </summary>
internal sealed class NaiveTables
{
    public const int RegionLog2 = 21;
    public const int RegionCount = 8;
    public const ulong BigRunStart = 1UL << 25;
    public const ulong GlobalBit = 1UL << 47;

    private readonly Dictionary<(ushort Asid, int Region), (RegionKind Kind, int Version, bool IsWritable)> regions = [];

    public enum RegionKind
    {
        Pages,
        Runs,
        Block,
        Hole,
    }

    public ushort Asid { get; set; }

    /// <summary>A page of a run whose descriptor is wrong.</summary>
    public ulong? StrayPage { get; set; }

    public void Change(ushort asid, int region, RegionKind kind, int version, bool isWritable) => regions[(asid, region)] = (kind, version, isWritable);

    public RegionKind KindOf(ushort asid, int region) => Get(asid, region).Kind;

    public NaiveMapping? Find(ulong address)
    {
        bool isGlobal = (address & GlobalBit) != 0;
        ushort asid = isGlobal ? (ushort)0 : Asid;
        ulong offset = address & (GlobalBit - 1);
        if (offset >= BigRunStart)
        {
            return offset >= 2 * BigRunStart
                ? null
                : new NaiveMapping(((ulong)asid << 36) + (offset & (BigRunStart - 1) & ~0x1FFFFFUL), RegionLog2, 25, 0, true, isGlobal, 2);
        }

        int region = (int)(offset >> RegionLog2);
        (RegionKind kind, int version, bool isWritable) = Get(asid, region);
        ulong block = ((ulong)asid << 36) + ((ulong)(uint)version << 30) + ((ulong)(uint)region << RegionLog2);
        ulong page = block + (offset & 0x1FF000);
        return kind switch
        {
            RegionKind.Hole => null,
            RegionKind.Block => new NaiveMapping(block, RegionLog2, RegionLog2, 0, isWritable, isGlobal, 2),
            RegionKind.Runs => new NaiveMapping(address >> 12 == StrayPage ? page + (1UL << 41) : page, 12, 16, 0, isWritable, isGlobal, 3),
            _ => new NaiveMapping(Scatter(page), 12, 12, Aggregation(offset >> 12), isWritable, isGlobal, 3),
        };
    }

    // Pages 5, 13, 21, ... lie elsewhere: their groups cannot be aggregated, or only as pairs.
    private static ulong Scatter(ulong page) => ((page >> 12) & 7) == 5 ? page + (1UL << 40) : page;

    private static int Aggregation(ulong page) => (page & 7) switch
    {
        < 4 => 2,
        4 or 5 => 0,
        _ => 1,
    };

    private (RegionKind Kind, int Version, bool IsWritable) Get(ushort asid, int region) =>
        regions.GetValueOrDefault((asid, region), ((RegionKind)((region + asid) % 4), 0, true));

    /// <summary>The same, as the engine asks for it.</summary>
    public readonly struct Walker(NaiveTables tables) : IPageWalker
    {
        public bool Walk(VirtAddr address, AccessKind kind, bool isPrivileged, ref WalkResult result)
        {
            result.StartLevel = 0;
            if (tables.Find(address.ToUInt64()) is not NaiveMapping mapping)
            {
                result.Level = 3;
                result.FaultStatus = 7;
                return false;
            }

            result.GranuleLog2 = 12;
            result.Level = mapping.Level;
            result.OutputAddress = mapping.Output;
            result.PageSizeLog2 = mapping.PageLog2;
            result.RunSizeLog2 = mapping.RunLog2;
            result.AggregationLog2 = mapping.AggregationLog2;
            result.Allowed = mapping.IsWritable ? 0xFFu : 0x33u;
            result.AttributeIndex = 0;
            result.IsGlobal = mapping.IsGlobal;
            result.IsDirtyLater = false;
            return true;
        }

        public void Prefetch(VirtAddr address)
        {
        }

        public int PlainStartLevel => 0;

        public ulong TryWalkPlain(VirtAddr address, bool goesFar, out ulong outputAddress)
        {
            outputAddress = 0;
            if (tables.Find(address.ToUInt64()) is not NaiveMapping mapping || mapping.RunLog2 != mapping.PageLog2 || mapping.AggregationLog2 != 0)
            {
                return PlainTranslation.None;
            }

            outputAddress = mapping.Output;
            return PlainTranslation.Pack(mapping.PageLog2, mapping.Level, mapping.IsWritable ? 0xFFu : 0x33u, 0, mapping.IsGlobal);
        }
    }
}
