// TLBs of named cores, with the source of the figures. What no document says is assumed alike for all: true LRU; every level that
// missed is filled; all levels hold every page size unless a document lists them; contiguous runs are held as one entry; no page
// aggregation.

using System.Globalization;

namespace Engine.Arm64.Tlb;

/// <summary>The cores whose TLBs are known.</summary>
public static class CoreGeometries
{
    /// <summary>The core that is simulated where none is named.</summary>
    public const string DefaultName = "neoverse-n1";

    private const string Assumed = "replacement (LRU assumed), fill policy (mostly inclusive assumed), contiguous runs (held as one entry), page aggregation (none)";

    // Page sizes of the Cortex-A76's levels, as its manual lists them.
    private const ulong FetchSizesA76 = (1UL << 12) | (1UL << 14) | (1UL << 16) | (1UL << 21) | (1UL << 25);
    private const ulong DataSizesA76 = (1UL << 12) | (1UL << 14) | (1UL << 16) | (1UL << 21) | (1UL << 29);
    private const ulong SharedSizesA76 = FetchSizesA76 | DataSizesA76 | (1UL << 30);

    // The Cortex-A53 splits a 1 GiB block into 512 MiB.
    private const ulong SizesA53 = (1UL << 12) | (1UL << 14) | (1UL << 16) | (1UL << 21) | (1UL << 25) | (1UL << 29);

    private static readonly WalkCacheGeometry[] SmallCoreWalkCache = [new(256, 4)];

    /// <summary>All of them, by name.</summary>
    public static IReadOnlyList<CoreGeometry> All { get; } =
    [
        new(
            "apple-m1",
            "Apple M1 (performance core)",
            Make(256, 256, 3072, 12),
            "secondary: measurements by third parties; 256-entry L1, 3072-entry L2",
            "associativity of the L2 (12 assumed); 16 KiB granule only; " + Assumed),
        new(
            "cortex-a53",
            "Arm Cortex-A53",
            Make(10, 10, 512, 4, SizesA53, SizesA53, SizesA53) with { WalkCaches = SmallCoreWalkCache, IpaCache = new(256, 4) },
            "Arm DDI 0500 (Cortex-A53 TRM), memory management unit: micro TLBs of 10, main TLB 512 in 4 ways, walk cache and IPA cache of 64 sets by 4",
            Assumed),
        new(
            "cortex-a55",
            "Arm Cortex-A55",
            Make(15, 16, 1024, 4) with { WalkCaches = SmallCoreWalkCache, IpaCache = new(256, 4) },
            "Intel 814346 (Agilex 5 HPS TRM): 15 and 16 entries, main TLB 1024 in 4 ways, walk cache and IPA cache of 64 sets by 4",
            Assumed),
        new(
            "cortex-a72",
            "Arm Cortex-A72",
            Make(48, 32, 1024, 4),
            "Arm 100095 (Cortex-A72 TRM) for the L2 TLB; secondary text for the L1 sizes",
            Assumed + ", walk caches"),
        new(
            "cortex-a76",
            "Arm Cortex-A76",
            Make(48, 48, 1280, 5, FetchSizesA76, DataSizesA76, SharedSizesA76),
            "Cortex-A76 TRM, A5.2: 48 and 48 fully associative, L2 1280 in 5 ways; page sizes of each; usually 3 cycles",
            Assumed + "; the L2 also keeps intermediate tables (not modelled), the table prefetcher neither"),
        new(
            "cortex-a78",
            "Arm Cortex-A78",
            Make(48, 48, 1280, 5, FetchSizesA76, DataSizesA76, SharedSizesA76),
            "two secondary documents (others say 32, 32 and 1024 in 4 ways)",
            "all sizes; " + Assumed),
        new(
            "cortex-a78ae",
            "Arm Cortex-A78AE",
            Make(48, 48, 1280, 5, FetchSizesA76, DataSizesA76, SharedSizesA76),
            "two secondary documents (others say 32, 32 and 1024 in 4 ways)",
            "all sizes; " + Assumed),
        new(
            "neoverse-n1",
            "Arm Neoverse N1",
            Make(48, 48, 1280, 5, FetchSizesA76, DataSizesA76, SharedSizesA76),
            "Neoverse N1 TRM, 6.1: 48 and 48 fully associative, L2 1280 in 5 ways",
            Assumed + "; page sizes of the levels (those of the Cortex-A76)"),
        new(
            "neoverse-n2",
            "Arm Neoverse N2",
            Make(48, 44, 1280, 5, FetchSizesA76, DataSizesA76, SharedSizesA76),
            "no citable source",
            "all figures; " + Assumed),
    ];

    /// <summary>A core by name.</summary>
    /// <param name="name">As <see cref="CoreGeometry.Name"/>; letter case and the maker's prefix do not matter: <c>A76</c>, <c>n1</c>.</param>
    /// <returns>Null where there is none.</returns>
    public static CoreGeometry? Find(string name) =>
        All.FirstOrDefault(core => core.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        ?? All.FirstOrDefault(core => core.Name.EndsWith("-" + name, StringComparison.OrdinalIgnoreCase));

    /// <summary>Prints all cores with their figures and sources.</summary>
    public static void WriteHelp(TextWriter output)
    {
        foreach (CoreGeometry core in All)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{core.Name}{(core.Name == DefaultName ? " (default)" : "")}: {core.Title}"));
            output.WriteLine($"    TLBs         {core.Geometry}");
            foreach (WalkCacheGeometry cache in core.Geometry.WalkCaches)
            {
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"    walk cache   {cache.Entries}:{cache.Ways}"));
            }

            output.WriteLine($"    source       {core.Source}");
            output.WriteLine($"    unpublished  {core.Unpublished}");
        }
    }

    private static TlbGeometry Make(
        int fetch,
        int data,
        int shared,
        int ways,
        ulong fetchSizes = TlbLevelGeometry.AllPageSizes,
        ulong dataSizes = TlbLevelGeometry.AllPageSizes,
        ulong sharedSizes = TlbLevelGeometry.AllPageSizes) => new(
            new TlbLevelGeometry(1, TlbSides.Fetch, fetch, fetch) { PageSizes = fetchSizes },
            new TlbLevelGeometry(1, TlbSides.Data, data, data) { PageSizes = dataSizes },
            new TlbLevelGeometry(2, TlbSides.Both, shared, ways) { PageSizes = sharedSizes });
}
