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
    private const ulong PrintedBytesMax = 1UL << 30;

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
            KernelPageTables.Print(Console.Out, parsed.GetValue(Memory)!, parsed.GetValue(Cpus), parsed.GetValue(Rodata)!);
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
        MachineOptions options = new() { MemoryBytes = ParseMemory(parsed, Pfn.PageSizeBytes, "4K"), CpuCount = ParseCpus(parsed), Seed = parsed.GetValue(GeneralOptions.Seed) };
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
        if (directory is not null)
        {
            procfs.WriteTo(directory);
        }

        if (name is null)
        {
            if (directory is null)
            {
                Console.Out.Write(string.Concat(procfs.Names.Union([KernelPageTables.Name, VmallocInfo]).Order(StringComparer.Ordinal).Select(known => known + "\n")));
            }

            return;
        }

        if (!procfs.TryOpen(name, out ProcFile? file))
        {
            throw new InputException($"there is no /proc/{name}", string.Join(", ", procfs.Names));
        }

        switch (file)
        {
            case ProcTextFile text:
                Console.Out.Write(text.ReadAll());
                break;
            case ProcBytesFile bytes:
                WriteBytes(bytes.ReadAll());
                break;
            case ProcWordFile words:
                PrintWords(words, name, parsed);
                break;
        }
    }

    // A pagemap has 2^36 words, so a part must be named.
    private static void PrintWords(ProcWordFile file, string name, ParseResult parsed)
    {
        ulong total = file.WordCount * ProcWordFile.WordBytes;
        ulong offset = parsed.GetValue(Offset) is string from ? SizeText.Parse(from, "--offset") : 0;
        ulong rest = total - Math.Min(offset, total);
        ulong length = parsed.GetValue(Length) is string count ? Math.Min(SizeText.Parse(count, "--length"), rest) : rest;
        if ((offset | length) % ProcWordFile.WordBytes != 0)
        {
            throw new InputException($"/proc/{name} has words of 8 bytes: --offset {offset} and --length {length} do not", "multiples of 8");
        }

        if (length > PrintedBytesMax)
        {
            throw new InputException($"/proc/{name} is {SizeText.Format(total)} long", "--offset and --length for a part, at most 1G");
        }

        byte[] buffer = new byte[64 << 10];
        for (ulong done = 0; done < length; done += (ulong)buffer.Length)
        {
            _ = file.TryRead(offset + done, buffer.AsSpan(0, (int)Math.Min((ulong)buffer.Length, length - done)), out int readBytes);
            WriteBytes(buffer.AsSpan(0, readBytes));
        }
    }

    private static void WriteBytes(ReadOnlySpan<byte> bytes)
    {
        using Stream output = Console.OpenStandardOutput();
        output.Write(bytes);
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

        ulong bytes = ParseMemory(parsed, Order.PageBlock.LengthBytes, "2M");
        return ModelMemory.Boot(bytes, Math.Max(ParseCpus(parsed), (trace?.Program.CpuMax ?? 0) + 1));
    }

    private static int ParseCpus(ParseResult parsed)
    {
        int cpuCount = parsed.GetValue(Cpus);
        return cpuCount is >= 1 and <= 4096 ? cpuCount : throw new InputException($"--cpus: {cpuCount}", "1 to 4096");
    }

    private static ulong ParseMemory(ParseResult parsed, ulong unit, string unitText)
    {
        ulong bytes = SizeText.Parse(parsed.GetValue(Memory)!, "--memory");
        return bytes is > 0 and <= 4UL << 40 && bytes % unit == 0
            ? bytes
            : throw new InputException($"--memory: {parsed.GetValue(Memory)} is no amount of RAM", $"a multiple of {unitText} up to 4T, such as 1G");
    }
}
