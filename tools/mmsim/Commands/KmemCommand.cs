using System.CommandLine;
using System.Diagnostics;
using Engine.Core.Diagnostics.Procfs;
using Engine.Core.Units;
using Engine.Core.Zones;
using Mmsim.Cli;
using Mmsim.Kmem;
using Spectre.Console;

namespace Mmsim.Commands;

/// <summary><c>mmsim kmem</c>: replays a real kernel's page-allocator events.</summary>
internal static class KmemCommand
{
    // The smallest machine that a trace without a zoneinfo is replayed on.
    private const ulong DefaultMemoryMin = 1UL << 30;

    private static readonly Argument<string> Trace = new("TRACE")
    {
        Description = "ftrace text with the events kmem:mm_page_*, plain, .zst or .gz; - is standard input.",
    };

    private static readonly Option<string?> ZoneInfo = new("--zoneinfo")
    {
        Description = "A /proc/zoneinfo of the traced machine from when the trace began: the replay runs on zones and per-CPU lists like its own.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> Memory = new("--memory")
    {
        Description = "RAM of the machine without --zoneinfo. Default: up to the highest frame of the trace, in whole GiB.",
        HelpName = "SIZE",
    };

    private static readonly Option<string> Kernel = KernelOption.Create();

    private static readonly Option<int> Samples = new("--samples")
    {
        Description = "How often free memory is looked at.",
        HelpName = "N",
        DefaultValueFactory = _ => 60,
    };

    private static readonly Option<string?> Plot = new("--plot")
    {
        Description = "Draw free memory by order and the unusable free space index over time.",
        HelpName = "FILE.png",
    };

    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        Command command = new("kmem", "Replays a real kernel's page-allocator events from ftrace text on the model's allocator.")
        {
            Trace, ZoneInfo, Memory, Kernel, Samples, Plot,
        };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        int sampleCount = parsed.GetValue(Samples);
        if (sampleCount is < 1 or > 1_000_000)
        {
            throw new InputException($"--samples: {sampleCount}", "1 to 1000000");
        }

        string path = parsed.GetValue(Trace)!;
        string? json = parsed.GetValue(GeneralOptions.Json);
        bool isQuiet = parsed.GetValue(GeneralOptions.Quiet) || json == "-";
        using Interruption interruption = new();
        long start = Stopwatch.GetTimestamp();
        KmemTrace trace = ProgressDisplay.Run("reading", isQuiet, progress => KmemTrace.Read(path, progress, interruption.Token));
        double readSeconds = Stopwatch.GetElapsedTime(start).TotalSeconds;

        using ModelMemory model = Boot(parsed, trace, out IReadOnlyList<ZoneSpan> realZones, out IReadOnlyList<RecordedZone> recorded);
        KmemReplay replay = new(trace.Program, trace.Gfps, model.Pages);
        start = Stopwatch.GetTimestamp();
        replay.PrepareEarlier(realZones);
        replay.PrepareLists(recorded);
        replay.Run(sampleCount, interruption.Token);
        KmemResult result = new(Path.GetFileName(path), trace, model, replay, readSeconds, Stopwatch.GetElapsedTime(start).TotalSeconds);
        if (!isQuiet)
        {
            KmemReport.Print(ReportConsole.Create(), result);
        }

        if (json is not null)
        {
            JsonReport.Write(json, writer => KmemJson.Write(writer, result));
        }

        if (parsed.GetValue(Plot) is string picture)
        {
            KmemPlot.Write(picture, result.Name, result.BusiestSamples);
        }

        return interruption.IsRequested ? ExitCode.Interrupted : model.Log.Count != 0 ? ExitCode.Difference : ExitCode.Done;
    }

    private static ModelMemory Boot(ParseResult parsed, KmemTrace trace, out IReadOnlyList<ZoneSpan> realZones, out IReadOnlyList<RecordedZone> recorded)
    {
        int cpuCount = Math.Max(trace.Program.CpuMax + 1, trace.Text.CpuCount);
        KernelRelease release = KernelOption.Parse(parsed.GetValue(Kernel)!);
        realZones = [];
        recorded = [];
        if (parsed.GetValue(ZoneInfo) is not string path)
        {
            return ModelMemory.Boot(MemoryBytes(parsed, trace), cpuCount, release);
        }

        ModelMemory model = ModelMemory.FromZoneInfo(path, out ZoneInfoFile file, release);
        if (trace.Program.CpuMax >= file.CpuCount)
        {
            model.Dispose();
            throw new InputException(path, null, $"the machine has {file.CpuCount} CPUs, and the trace names CPU {trace.Program.CpuMax}", "the zoneinfo of the traced machine");
        }

        realZones = [.. model.Pages.Zones.Select(zone => zone.Span)];
        recorded = file.Zones;
        return model;
    }

    private static ulong MemoryBytes(ParseResult parsed, KmemTrace trace)
    {
        if (parsed.GetValue(Memory) is string text)
        {
            return SizeText.ParseMemory(text, "--memory", Order.PageBlock.LengthBytes);
        }

        ulong highest = ((ulong)trace.Program.PfnMax + 1) << Pfn.PageShift;
        return Math.Clamp((highest + DefaultMemoryMin - 1) & ~(DefaultMemoryMin - 1), DefaultMemoryMin, 4UL << 40);
    }
}
