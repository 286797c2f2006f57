using System.CommandLine;
using Engine.Core.Diagnostics.Procfs;
using Engine.Core.Units;
using Mmsim.Cli;
using Mmsim.Kmem;

namespace Mmsim.Commands;

/// <summary><c>mmsim proc</c>: prints a file of the simulated machine's <c>/proc</c>.</summary>
internal static class ProcCommand
{
    private static readonly Argument<string?> Name = new("NAME")
    {
        Description = "The file, such as buddyinfo; without it a list of them.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<string?> Trace = new("--trace")
    {
        Description = "Replay this ftrace text of the page allocator first.",
        HelpName = "TRACE",
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
        Command command = new("proc", "Prints a /proc file of a freshly booted, or replayed, machine.")
        {
            Name, Trace, ZoneInfo, Memory, Cpus, WriteTo, Rodata,
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

        KmemTrace? trace = parsed.GetValue(Trace) is string path ? KmemTrace.Read(path) : null;
        using ModelMemory model = Boot(parsed, trace);
        if (trace is not null)
        {
            KmemReplay replay = new(trace.Program, trace.Gfps, model.Pages);
            replay.PrepareEarlier(parsed.GetValue(ZoneInfo) is null ? [] : [.. model.Pages.Zones.Select(zone => zone.Span)]);
            replay.Run(1);
        }

        Print(model.Procfs, parsed.GetValue(Name), parsed.GetValue(WriteTo));
        return ExitCode.Done;
    }

    private static void Print(MachineProcfs procfs, string? name, string? directory)
    {
        if (directory is not null)
        {
            procfs.WriteTo(directory);
        }

        if (name is null)
        {
            if (directory is null)
            {
                Console.Out.Write(string.Concat(procfs.Names.Append(KernelPageTables.Name).Order(StringComparer.Ordinal).Select(known => known + "\n")));
            }

            return;
        }

        if (!procfs.TryRead(name, out string content))
        {
            throw new InputException($"there is no /proc/{name}", string.Join(", ", procfs.Names));
        }

        Console.Out.Write(content);
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

        int cpuCount = parsed.GetValue(Cpus);
        ulong bytes = SizeText.Parse(parsed.GetValue(Memory)!, "--memory");
        if (cpuCount is < 1 or > 4096)
        {
            throw new InputException($"--cpus: {cpuCount}", "1 to 4096");
        }

        return bytes is > 0 and <= 4UL << 40 && bytes % Order.PageBlock.LengthBytes == 0
            ? ModelMemory.Boot(bytes, Math.Max(cpuCount, (trace?.Program.CpuMax ?? 0) + 1))
            : throw new InputException($"--memory: {parsed.GetValue(Memory)} is no amount of RAM", "a multiple of 2M up to 4T, such as 1G");
    }
}
