using System.CommandLine;
using Engine.Arm64;
using Engine.Arm64.Tlb;
using Engine.Core.Units;
using Mmsim.Cli;

namespace Mmsim.Commands;

/// <summary>The options that describe the simulated machine.</summary>
internal static class MachineArguments
{
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
        ulong memoryBytes = SizeText.Parse(parsed.GetValue(Memory)!, "--memory");
        if (memoryBytes % Pfn.PageSizeBytes != 0 || memoryBytes is 0 or > PhysicalMemoryMax)
        {
            throw new InputException($"--memory: {parsed.GetValue(Memory)} is no amount of RAM", "a multiple of 4K up to 4T, such as 1G");
        }

        int cpuCount = parsed.GetValue(Cpus);
        if (cpuCount is < 1 or > 4096)
        {
            throw new InputException($"--cpus: {cpuCount}", "1 to 4096");
        }

        return new MachineOptions
        {
            MemoryBytes = memoryBytes,
            CpuCount = cpuCount,
            Tlb = ParseTlb(parsed),
            Seed = parsed.GetValue(GeneralOptions.Seed),
        };
    }

    private const ulong PhysicalMemoryMax = 4UL << 40;

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
