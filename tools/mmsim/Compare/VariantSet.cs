// --vary folio=4K,64K --vary contiguous=on,off: every combination, the last key changing fastest.

using System.Numerics;
using Engine.Arm64;
using Engine.Arm64.HugePages;
using Engine.Arm64.Tlb;
using Engine.Core.PageCache;
using Engine.Core.Units;
using Mmsim.Cli;

namespace Mmsim.Compare;

/// <summary>The variants that a command line asks for.</summary>
internal static class VariantSet
{
    /// <summary>More than these are refused.</summary>
    public const int CountMax = 256;

    private const string Form = "KEY=A,B,… with core, folio, contiguous, hpa or memory";

    // Two adjacent pages, and four: what cores with page aggregation have.
    private const int AggregationLog2 = 2;

    /// <summary>Makes the variants.</summary>
    /// <param name="specs">One for each <c>--vary</c>.</param>
    /// <param name="common">What is the same in all of them.</param>
    /// <exception cref="InputException">A spec makes no sense.</exception>
    public static IReadOnlyList<Variant> Parse(IReadOnlyList<string> specs, MachineOptions common)
    {
        List<Variant> variants = [new([], common)];
        HashSet<VariedKey> seen = [];
        foreach (string spec in specs)
        {
            (VariedKey key, string[] values) = ParseSpec(spec);
            if (!seen.Add(key))
            {
                throw new InputException($"--vary: '{NameOf(key)}' twice", "each key once");
            }

            variants = [.. variants.SelectMany(variant => values.Select(value => new Variant([.. variant.Values, (key, value)], Apply(variant.Options, key, value))))];
            if (variants.Count > CountMax)
            {
                throw new InputException("--vary: too many variants", $"at most {CountMax}");
            }
        }

        return specs.Count > 0 ? variants : throw new InputException("nothing to compare", $"--vary {Form}");
    }

    /// <summary>The key as the command line writes it.</summary>
    public static string NameOf(VariedKey key) => key switch
    {
        VariedKey.Core => "core",
        VariedKey.Folio => "folio",
        VariedKey.Contiguous => "contiguous",
        VariedKey.Hpa => "hpa",
        _ => "memory",
    };

    private static (VariedKey Key, string[] Values) ParseSpec(string spec)
    {
        int equals = spec.IndexOf('=', StringComparison.Ordinal);
        string name = equals < 0 ? spec : spec[..equals];
        foreach (VariedKey key in Enum.GetValues<VariedKey>())
        {
            if (NameOf(key) != name || equals < 0)
            {
                continue;
            }

            string[] values = spec[(equals + 1)..].Split(',', StringSplitOptions.TrimEntries);
            return values.All(value => value.Length > 0) && values.Distinct().Count() == values.Length
                ? (key, values)
                : throw new InputException($"--vary: '{spec}'", "different values, separated by commas");
        }

        throw new InputException($"--vary: '{spec}'", Form);
    }

    private static MachineOptions Apply(MachineOptions options, VariedKey key, string value)
    {
        switch (key)
        {
            case VariedKey.Core:
                TlbGeometry core = CoreGeometries.Find(value)?.Geometry
                    ?? throw new InputException($"--vary core: no core is called '{value}'", string.Join(", ", CoreGeometries.All.Select(core => core.Name)));
                return options with { Tlb = options.Tlb.Levels.Any(level => level.AggregationLog2 != 0) ? Aggregating(core, AggregationLog2) : core };
            case VariedKey.Folio:
                return WithFolios(options, ParseFolioOrder(value));
            case VariedKey.Contiguous:
                return options with { FoldsContiguousRuns = ParseSwitch(key, value) };
            case VariedKey.Hpa:
                return options with { Tlb = Aggregating(options.Tlb, ParseSwitch(key, value) ? AggregationLog2 : 0) };
            default:
                return options with { MemoryBytes = SizeText.ParseMemory(value, "--vary memory", Pfn.PageSizeBytes) };
        }
    }

    private static int ParseFolioOrder(string value)
    {
        ulong pages = SizeText.Parse(value, "--vary folio") >> Pfn.PageShift;
        int order = pages == 0 ? -1 : BitOperations.Log2(pages);
        bool isSize = BitOperations.IsPow2(pages) && order is 0 or (>= HugePageOptions.SmallestOrder and <= HugePageOptions.HugeOrder);
        return isSize ? order : throw new InputException($"--vary folio: there are no folios of {value}", "4K, 16K, 32K, 64K, 128K, 256K, 512K, 1M or 2M");
    }

    // One size for everything: anonymous memory where a folio fits into its mapping, and the page cache.
    private static MachineOptions WithFolios(MachineOptions options, int order)
    {
        Dictionary<int, HugePageMode> sizes = new() { [HugePageOptions.HugeOrder] = HugePageMode.Never };
        if (order > 0)
        {
            sizes[order] = HugePageMode.Always;
        }

        return options with
        {
            HugePages = options.HugePages with { Sizes = sizes, UsesZeroPage = false },
            Files = (options.Files ?? new FileMappingOptions()) with { FolioOrderMin = order, FolioOrderMax = order },
        };
    }

    private static TlbGeometry Aggregating(TlbGeometry geometry, int log2) =>
        new([.. geometry.Levels.Select(level => level with { AggregationLog2 = log2 })])
        {
            WalkCaches = geometry.WalkCaches,
            IpaCache = geometry.IpaCache,
            Costs = geometry.Costs,
        };

    private static bool ParseSwitch(VariedKey key, string value) => value switch
    {
        "on" => true,
        "off" => false,
        _ => throw new InputException($"--vary {NameOf(key)}: '{value}'", "on or off"),
    };
}
