using System.CommandLine;
using Engine.Arm64;
using Engine.Arm64.Kernel.Map;
using Engine.Core.Diagnostics.Procfs;
using Engine.Core.Units;
using Mmsim.Cli;
using Mmsim.Kmem;
using Mmsim.Replay;
using Mmsim.Traces;

namespace Mmsim.Commands;

/// <summary><c>mmsim proc</c>: prints a file of the simulated machine's <c>/proc</c>.</summary>
internal static class ProcCommand
{
    // Needs a map of the kernel, which a machine has only where it is asked for.
    private const string VmallocInfo = "vmallocinfo";

    private static readonly Argument<string?> Name = new("NAME")
    {
        Description = "The file, such as buddyinfo; without it a list of them. A file of a process, such as 1/maps, is that of the --program.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<string?> Trace = new("--trace")
    {
        Description = "Replay this ftrace text of the page allocator first.",
        HelpName = "TRACE",
    };

    private static readonly Option<string?> Program = new("--program")
    {
        Description = "Replay this program's trace first, as mmsim run does; without TRACE the bundled sample. The program is process 1.",
        HelpName = "TRACE",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<string?> Offset = new("--offset")
    {
        Description = "Print a file of 64-bit words (pagemap, kpageflags, kpagecount) from this byte on; a multiple of 8.",
        HelpName = "SIZE",
    };

    private static readonly Option<string?> Length = new("--length")
    {
        Description = "How many bytes of such a file to print; a multiple of 8.",
        HelpName = "SIZE",
    };

    private static readonly Option<string?> ZoneInfo = new("--zoneinfo")
    {
        Description = "Boot a machine with the zones of this /proc/zoneinfo.",
        HelpName = "FILE",
    };

    private static readonly Option<string> Memory = new("--memory")
    {
        Description = "RAM of the machine without --zoneinfo.",
        HelpName = "SIZE",
        DefaultValueFactory = _ => "1G",
    };

    private static readonly Option<int> Cpus = new("--cpus")
    {
        Description = "CPUs of the machine without --zoneinfo.",
        HelpName = "N",
        DefaultValueFactory = _ => 1,
    };

    private static readonly Option<string> Rodata = new("--rodata")
    {
        Description = "For kernel_page_tables: how the kernel protects its read-only data, as on its command line.",
        HelpName = "full|on|off",
        DefaultValueFactory = _ => "full",
    };

    private static readonly Option<string?> WriteTo = new("--write-to")
    {
        Description = "Write all files below this folder, for programs that can be told where /proc is.",
        HelpName = "DIR",
    };

    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        Command command = new("proc", "Prints a /proc file of a freshly booted machine, or of one that has run a program.")
        {
            Name, Trace, Program, ZoneInfo, Memory, Cpus, WriteTo, Offset, Length, Rodata,
        };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        if (parsed.GetValue(Name) == KernelPageTables.Name)
        {
            string map = KernelPageTables.Format(parsed.GetValue(Memory)!, parsed.GetValue(Cpus), parsed.GetValue(Rodata)!);
            ProcOutput.PrintText(KernelPageTables.Name, map, parsed.GetValue(GeneralOptions.Json));
            return ExitCode.Done;
        }

        bool isProgram = parsed.GetResult(Program) is not null;
        bool isPhysical = parsed.GetValue(Trace) is not null || parsed.GetValue(ZoneInfo) is not null;
        if (isProgram && isPhysical)
        {
            throw new InputException("--program does not go together with --trace or --zoneinfo", "one of them");
        }

        return isPhysical ? RunPhysical(parsed) : RunMachine(parsed, isProgram || IsOfProcess(parsed.GetValue(Name)));
    }

    private static bool IsOfProcess(string? name) => name is not null && name.Contains('/', StringComparison.Ordinal) && char.IsAsciiDigit(name[0]);

    private static int RunPhysical(ParseResult parsed)
    {
        KmemTrace? trace = parsed.GetValue(Trace) is string path ? KmemTrace.Read(path) : null;
        using ModelMemory model = Boot(parsed, trace);
        if (trace is not null)
        {
            KmemReplay replay = new(trace.Program, trace.Gfps, model.Pages);
            replay.PrepareEarlier(parsed.GetValue(ZoneInfo) is null ? [] : [.. model.Pages.Zones.Select(zone => zone.Span)]);
            replay.Run(1);
        }

        Print(model.Procfs, parsed);
        return ExitCode.Done;
    }

    private static int RunMachine(ParseResult parsed, bool isProgram)
    {
        MachineOptions options = new() { MemoryBytes = SizeText.ParseMemory(parsed.GetValue(Memory)!, "--memory", Pfn.PageSizeBytes), CpuCount = MachineArguments.ParseCpus(parsed.GetValue(Cpus)), Seed = parsed.GetValue(GeneralOptions.Seed) };
        try
        {
            if (!isProgram)
            {
                bool hasKernelMap = parsed.GetValue(Name) == VmallocInfo;
                using Machine machine = new(options with { KernelMap = hasKernelMap ? new KernelMapOptions() : null });
                Print(machine.Procfs, parsed);
                return ExitCode.Done;
            }

            using Interruption interruption = new();
            bool isQuiet = parsed.GetValue(GeneralOptions.Quiet);
            string path = parsed.GetValue(Program) ?? SampleTrace.Path;
            RecordedTrace trace = ProgressDisplay.Run("reading", isQuiet, progress => RecordedTrace.Load(path, progress, interruption.Token));
            using TraceReplayer replayer = new(trace, options);
            replayer.Run(null, interruption.Token);
            Print(replayer.Machine.Procfs, parsed);
            return interruption.IsRequested ? ExitCode.Interrupted : replayer.HasFailed ? ExitCode.Difference : ExitCode.Done;
        }
        catch (ArgumentException error) when (error is not ArgumentOutOfRangeException)
        {
            throw new InputException($"--memory: {error.Message}", "more memory");
        }
    }

    private static void Print(MachineProcfs procfs, ParseResult parsed)
    {
        string? name = parsed.GetValue(Name);
        string? directory = parsed.GetValue(WriteTo);
        string? json = parsed.GetValue(GeneralOptions.Json);
        if (directory is not null)
        {
            WriteTree(procfs, directory);
        }

        if (name is null)
        {
            string[] names = [.. procfs.Names.Union([KernelPageTables.Name, VmallocInfo]).Order(StringComparer.Ordinal)];
            ProcOutput.PrintNames(names, json, isQuiet: directory is not null || json == "-");
            return;
        }

        if (!procfs.TryOpen(name, out ProcFile? file))
        {
            throw new InputException($"there is no /proc/{name}", string.Join(", ", procfs.Names));
        }

        if (file is not ProcWordFile && (parsed.GetValue(Offset) ?? parsed.GetValue(Length)) is not null)
        {
            throw new InputException($"/proc/{name} is not made of words: it is printed whole", "no --offset and no --length");
        }

        switch (file)
        {
            case ProcTextFile text:
                ProcOutput.PrintText(name, text.ReadAll(), json);
                break;
            case ProcBytesFile bytes:
                ProcOutput.PrintBytes(name, bytes.ReadAll(), json);
                break;
            case ProcWordFile words:
                ProcOutput.PrintWords(name, words, parsed.GetValue(Offset), parsed.GetValue(Length), json);
                break;
        }
    }

    private static void WriteTree(MachineProcfs procfs, string directory)
    {
        try
        {
            procfs.WriteTo(directory);
        }
        catch (Exception error) when (FileProblem.Is(error))
        {
            throw File.Exists(directory) ? new InputException(directory, null, "cannot be written: is a file", "a folder") : FileProblem.Unwritable(directory, error);
        }
    }

    private static ModelMemory Boot(ParseResult parsed, KmemTrace? trace)
    {
        if (parsed.GetValue(ZoneInfo) is string zoneinfo)
        {
            ModelMemory model = ModelMemory.FromZoneInfo(zoneinfo, out _);
            if (trace is not null && trace.Program.CpuMax >= model.Pages.CpuCount)
            {
                model.Dispose();
                throw new InputException(zoneinfo, null, $"the machine has no CPU {trace.Program.CpuMax}", "the zoneinfo of the traced machine");
            }

            return model;
        }

        ulong bytes = SizeText.ParseMemory(parsed.GetValue(Memory)!, "--memory", Order.PageBlock.LengthBytes);
        return ModelMemory.Boot(bytes, Math.Max(MachineArguments.ParseCpus(parsed.GetValue(Cpus)), (trace?.Program.CpuMax ?? 0) + 1));
    }
}
