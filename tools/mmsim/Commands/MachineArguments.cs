using System.CommandLine;
using Engine.Arm64;
using Engine.Arm64.Tlb;
using Engine.Core.Units;
using Mmsim.Cli;

namespace Mmsim.Commands;

/// <summary>The options that describe the simulated machine.</summary>
internal static class MachineArguments
{
    private const int CpusMax = 4096;

    /// <summary>RAM.</summary>
    public static readonly Option<string> Memory = new("--memory")
    {
        Description = "RAM of the machine.",
        HelpName = "SIZE",
        DefaultValueFactory = _ => "1G",
    };

    /// <summary>CPUs.</summary>
    public static readonly Option<int> Cpus = new("--cpus")
    {
        Description = "CPUs of the machine; the trace runs on the first.",
        HelpName = "N",
        DefaultValueFactory = _ => 1,
    };

    /// <summary>A named core.</summary>
    public static readonly Option<string> Core = new("--core")
    {
        Description = "A core whose TLBs are known; 'help' lists them with their sources.",
        HelpName = "NAME",
        DefaultValueFactory = _ => CoreGeometries.DefaultName,
    };

    /// <summary>TLBs in words.</summary>
    public static readonly Option<string?> Tlb = new("--tlb")
    {
        Description = "TLB levels instead of a core's: NAME=ENTRIES:WAYS[:POLICY][:FILL] separated by commas, such as l1i=48:full,l1d=48:full,l2=1280:5.",
        HelpName = "SPEC",
    };

    /// <summary>Reads the options.</summary>
    /// <exception cref="InputException">They make no machine.</exception>
    public static MachineOptions Parse(ParseResult parsed)
    {
        return new MachineOptions
        {
            MemoryBytes = SizeText.ParseMemory(parsed.GetValue(Memory)!, "--memory", Pfn.PageSizeBytes),
            CpuCount = ParseCpus(parsed.GetValue(Cpus)),
            Tlb = ParseTlb(parsed),
            Seed = parsed.GetValue(GeneralOptions.Seed),
        };
    }

    /// <summary>Reads a number of CPUs.</summary>
    /// <exception cref="InputException">No machine has so many.</exception>
    public static int ParseCpus(int count) => count is >= 1 and <= CpusMax ? count : throw new InputException($"--cpus: {count}", $"1 to {CpusMax}");

    private static TlbGeometry ParseTlb(ParseResult parsed)
    {
        if (parsed.GetValue(Tlb) is not string spec)
        {
            string name = parsed.GetValue(Core)!;
            return CoreGeometries.Find(name)?.Geometry
                ?? throw new InputException($"--core: no core is called '{name}'", string.Join(", ", CoreGeometries.All.Select(core => core.Name)));
        }

        if (!TlbSpec.TryParse(spec, out TlbGeometry? geometry, out string? wrong, out string? expected))
        {
            throw new InputException($"--tlb: {wrong}", expected);
        }

        return geometry.Sides == TlbSides.Both
            ? geometry
            : throw new InputException($"--tlb: no level of '{spec}' serves {(geometry.Sides == TlbSides.Data ? "instruction fetches" : "data")}", "levels for both, for example l1i=48:full,l1d=48:full");
    }
}
