using System.CommandLine;
using System.Text.Json;
using Engine.Arm64;
using Mmsim.Cli;
using Mmsim.Scenario;
using Spectre.Console;

namespace Mmsim.Commands;

/// <summary><c>mmsim scenario</c>: runs virtual-memory scripts, and compares them with recorded output.</summary>
internal static class ScenarioCommand
{
    private static readonly Argument<string[]> Scripts = new("FILE")
    {
        Description = "Scripts, plain, .zst or .gz; - is standard input.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private static readonly Option<string?> CheckFolder = new("--check") { Description = "Run every .scn in DIR against its .expected.", HelpName = "DIR" };

    private static readonly Option<string[]> Thp = new("--thp")
    {
        Description = "Change a setting below /sys/kernel/mm/transparent_hugepage first, such as hugepages-64kB/enabled=always.",
        HelpName = "FILE=VALUE",
    };

    /// <summary>Creates the command.</summary>
    public static Command Create()
    {
        Command command = new("scenario", "Runs virtual-memory scripts and prints what a program and /proc would see.") { Scripts, CheckFolder, Thp };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        Action<Machine> prepare = ParseSettings(parsed.GetValue(Thp) ?? []);
        string[] files = parsed.GetValue(Scripts) ?? [];
        if (parsed.GetValue(CheckFolder) is { } folder)
        {
            return files.Length == 0 ? Check(folder, parsed, prepare) : throw new InputException("--check takes no FILE");
        }

        return files.Length > 0 ? Print(files, parsed, prepare) : throw new InputException("no script", "FILE, or --check DIR");
    }

    private static Action<Machine> ParseSettings(string[] settings)
    {
        List<(string Path, string Value)> parsed = [];
        foreach (string setting in settings)
        {
            int equals = setting.IndexOf('=', StringComparison.Ordinal);
            parsed.Add(equals < 0 ? (setting, "") : (setting[..equals], setting[(equals + 1)..]));
        }

        return machine =>
        {
            foreach ((string path, string value) in parsed)
            {
                if (!machine.HugePages.TryWrite(path, value))
                {
                    throw new InputException($"--thp: {path}={value}", machine.HugePages.Read(path)?.TrimEnd() ?? "enabled, defrag, use_zero_page or hugepages-…kB/enabled");
                }
            }
        };
    }

    private static int Print(string[] files, ParseResult parsed, Action<Machine> prepare)
    {
        ulong seed = parsed.GetValue(GeneralOptions.Seed);
        string? json = parsed.GetValue(GeneralOptions.Json);
        List<(string Name, List<string> Lines)> kept = [];
        using (StreamWriter output = new(json == "-" ? Stream.Null : Console.OpenStandardOutput()) { NewLine = "\n" })
        {
            foreach (string file in files)
            {
                List<string> lines = [];
                kept.Add((file, lines));
                ScenarioRunner.Run(file, ScenarioParser.Parse(file, ReadLines(file)), seed, json is null ? output.WriteLine : Both(output.WriteLine, lines.Add), prepare);
            }
        }

        if (json is not null)
        {
            JsonReport.Write(json, writer =>
            {
                writer.WriteStartArray("scenarios");
                kept.ForEach(script => WriteLines(writer, script.Name, script.Lines));
                writer.WriteEndArray();
            });
        }

        return ExitCode.Done;
    }

    private static Action<string> Both(Action<string> first, Action<string> second) => line =>
    {
        first(line);
        second(line);
    };

    private static void WriteLines(Utf8JsonWriter writer, string name, List<string> lines)
    {
        writer.WriteStartObject();
        writer.WriteString("name", name);
        writer.WriteStartArray("lines");
        lines.ForEach(writer.WriteStringValue);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static int Check(string folder, ParseResult parsed, Action<Machine> prepare)
    {
        string? json = parsed.GetValue(GeneralOptions.Json);
        string[] scripts = FindScripts(folder);
        using Interruption interruption = new();
        List<ScenarioVerdict> verdicts = [];
        foreach (string script in scripts.TakeWhile(_ => !interruption.IsRequested))
        {
            verdicts.Add(Check(script, parsed.GetValue(GeneralOptions.Seed), prepare));
        }

        if (!parsed.GetValue(GeneralOptions.Quiet) && json != "-")
        {
            Report(verdicts);
        }

        if (json is not null)
        {
            JsonReport.Write(json, writer =>
            {
                writer.WriteStartArray("scenarios");
                verdicts.ForEach(verdict => verdict.Write(writer));
                writer.WriteEndArray();
                writer.WriteNumber("equal", verdicts.Count(verdict => verdict.IsEqual));
            });
        }

        string[] errors = [.. verdicts.Select(verdict => verdict.Error).OfType<string>()];
        Array.ForEach(errors, error => Console.Error.WriteLine($"mmsim: {error}"));
        return interruption.IsRequested ? ExitCode.Interrupted
            : errors.Length > 0 ? ExitCode.BadInput
            : verdicts.TrueForAll(verdict => verdict.IsEqual) ? ExitCode.Done : ExitCode.Difference;
    }

    private static string[] FindScripts(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new InputException(folder, null, File.Exists(folder) ? "is no directory" : "no such directory");
        }

        string[] scripts = [.. Directory.GetFiles(folder, "*.scn").Order(StringComparer.Ordinal)];
        return scripts.Length > 0 ? scripts : throw new InputException(folder, null, "no scripts", "files that end in .scn");
    }

    // Where one script cannot be run, the others are compared all the same.
    private static ScenarioVerdict Check(string script, ulong seed, Action<Machine> prepare)
    {
        string name = Path.GetFileNameWithoutExtension(script);
        try
        {
            List<string> found = [];
            string[] expected = ReadLines(Path.ChangeExtension(script, ".expected"));
            ScenarioRunner.Run(script, ScenarioParser.Parse(script, ReadLines(script)), seed, found.Add, prepare);
            return ScenarioVerdict.Compare(name, expected, found);
        }
        catch (InputException error)
        {
            return new ScenarioVerdict(name, 0, 0, null, null, error.Message);
        }
    }

    private static void Report(List<ScenarioVerdict> verdicts)
    {
        Table table = new() { Border = TableBorder.Minimal };
        table.AddColumns("scenario", "lines", "result");
        foreach (ScenarioVerdict verdict in verdicts)
        {
            table.AddRow(Markup.Escape(verdict.Name), verdict.Error is null ? $"{verdict.LineCount}" : "-", verdict.Result);
        }

        ReportConsole.Create().Write(table);
        verdicts.Where(verdict => verdict.FirstDifference != 0).ToList().ForEach(verdict => Console.WriteLine(verdict.Describe()));
        Console.WriteLine($"{verdicts.Count(verdict => verdict.IsEqual)} of {verdicts.Count} scenarios are equal");
    }

    private static string[] ReadLines(string file)
    {
        using InputFile input = InputFile.Open(file);
        return [.. input.ReadLines().Select(line => line.TrimEnd('\r'))];
    }
}
