using System.CommandLine;
using Engine.Arm64;
using Mmsim.Cli;
using Mmsim.Scenario;
using Spectre.Console;

namespace Mmsim.Commands;

/// <summary><c>mmsim scenario</c>: runs virtual-memory scripts, and compares them with recorded output.</summary>
internal static class ScenarioCommand
{
    /// <summary>Creates the command.</summary>
    public static Command Create()
    {
        Argument<string[]> scripts = new("FILE") { Description = "Scripts; - is standard input.", Arity = ArgumentArity.ZeroOrMore };
        Option<string?> check = new("--check") { Description = "Run every .scn in DIR against its .expected.", HelpName = "DIR" };
        Option<string[]> settings = new("--thp")
        {
            Description = "Change a setting below /sys/kernel/mm/transparent_hugepage first, such as hugepages-64kB/enabled=always.",
            HelpName = "FILE=VALUE",
        };
        Command command = new("scenario", "Runs virtual-memory scripts and prints what a program and /proc would see.") { scripts, check, settings };
        command.SetAction(parsed =>
        {
            Action<Machine> prepare = ParseSettings(parsed.GetValue(settings) ?? []);
            ulong seed = parsed.GetValue(GeneralOptions.Seed);
            string[] files = parsed.GetValue(scripts) ?? [];
            if (parsed.GetValue(check) is { } folder)
            {
                return files.Length == 0 ? Check(folder, seed, prepare, parsed.GetValue(GeneralOptions.Quiet)) : throw new InputException("--check takes no FILE");
            }

            return files.Length > 0 ? Run(files, seed, prepare) : throw new InputException("no script", "FILE, or --check DIR");
        });
        return command;
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

    private static int Run(string[] files, ulong seed, Action<Machine> prepare)
    {
        using StreamWriter output = new(Console.OpenStandardOutput()) { NewLine = "\n" };
        foreach (string file in files)
        {
            ScenarioRunner.Run(file, ScenarioParser.Parse(file, ReadLines(file)), seed, output.WriteLine, prepare);
        }

        return ExitCode.Done;
    }

    private static int Check(string folder, ulong seed, Action<Machine> prepare, bool isQuiet)
    {
        if (!Directory.Exists(folder))
        {
            throw new InputException(folder, null, "no such directory");
        }

        string[] scripts = [.. Directory.GetFiles(folder, "*.scn").Order(StringComparer.Ordinal)];
        if (scripts.Length == 0)
        {
            throw new InputException(folder, null, "no scripts", "files that end in .scn");
        }

        Table table = new() { Border = TableBorder.Minimal };
        table.AddColumns("scenario", "lines", "result");
        List<string> differences = [];
        List<InputException> bad = [];
        foreach (string script in scripts)
        {
            string name = Path.GetFileNameWithoutExtension(script);
            List<string> actual = [];
            string[] expected;
            try
            {
                expected = ReadLines(Path.ChangeExtension(script, ".expected"));
                ScenarioRunner.Run(script, ScenarioParser.Parse(script, ReadLines(script)), seed, actual.Add, prepare);
            }
            catch (InputException error)
            {
                // The others are compared all the same.
                table.AddRow(Markup.Escape(name), "-", "cannot be run");
                bad.Add(error);
                continue;
            }

            int first = FirstDifference(expected, actual);
            table.AddRow(Markup.Escape(name), $"{expected.Length}", first < 0 ? "equal" : $"differs at line {first + 1}");
            if (first >= 0)
            {
                differences.Add($"{name}:{first + 1}\n  expected {At(expected, first)}\n  found    {At(actual, first)}");
            }
        }

        Report(table, differences, scripts.Length - bad.Count, scripts.Length, isQuiet);
        bad.ForEach(error => Console.Error.WriteLine($"mmsim: {error.Message}"));
        return bad.Count > 0 ? ExitCode.BadInput : differences.Count == 0 ? ExitCode.Done : ExitCode.Difference;
    }

    private static void Report(Table table, List<string> differences, int comparedCount, int scriptCount, bool isQuiet)
    {
        if (isQuiet)
        {
            return;
        }

        AnsiConsole.Write(table);
        differences.ForEach(Console.WriteLine);
        Console.WriteLine($"{comparedCount - differences.Count} of {scriptCount} scenarios are equal");
    }

    private static string At(IReadOnlyList<string> lines, int index) => index < lines.Count ? lines[index] : "(nothing)";

    private static int FirstDifference(string[] expected, List<string> actual)
    {
        for (int i = 0; i < Math.Max(expected.Length, actual.Count); i++)
        {
            if (i >= expected.Length || i >= actual.Count || expected[i] != actual[i])
            {
                return i;
            }
        }

        return -1;
    }

    private static string[] ReadLines(string file)
    {
        if (file == "-")
        {
            return Console.In.ReadToEnd().Split('\n');
        }

        return File.Exists(file) ? File.ReadAllLines(file) : throw new InputException(file, null, "no such file");
    }
}
