using System.Text.RegularExpressions;
using Engine.PropertyTests.Support;
using Xunit;

namespace Engine.PropertyTests.Readme;

/// <summary>What the README shows is what there is.</summary>
public sealed class ReadmeTests
{
    private static readonly string Root = SharedData.RepositoryRoot;
    private static readonly string Readme = File.ReadAllText(Path.Combine(Root, "README.md"));

    [Fact]
    public void The_embedding_example_runs()
    {
        StringWriter output = new();
        EmbeddingExample.Run(output);
        Assert.Equal("42 after 1 fault, 1 page resident, 3 page tables", output.ToString().Trim());
    }

    [Fact]
    public void The_example_of_a_fault_that_waits_prints_what_the_README_says()
    {
        StringWriter output = new();
        WaitingExample.Run(output);
        Assert.Contains($"It prints `{output.ToString().Trim()}`", Readme, StringComparison.Ordinal);
    }

    /// <summary>Every command of <c>mmsim --help</c> has its line.</summary>
    [Fact]
    public void Every_command_is_in_the_README()
    {
        string help = CommandLineRun.Of("--help").Output;
        string[] commands = [.. Regex.Matches(help[help.IndexOf("Commands:", StringComparison.Ordinal)..], @"^  (\w+) ", RegexOptions.Multiline).Select(match => match.Groups[1].Value)];
        Assert.True(commands.Length >= 11, help);
        Assert.All(commands, command => Assert.Contains($"| `mmsim {command} ", Readme, StringComparison.Ordinal));
    }

    [Fact]
    public void The_negative_test_reports_what_the_README_says()
    {
        StringWriter output = new();
        NegativeExample.Run(output);
        Assert.True(Readme.Contains($"```\n{output.ToString().Trim()}\n```", StringComparison.Ordinal), output.ToString());
    }

    /// <summary>The first command prints what the README shows, but for how long it took.</summary>
    [Fact]
    public void The_sample_report_is_the_one_in_the_README()
    {
        CommandLineRun run = CommandLineRun.Of("run");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        string[] shown = Readme.Split("```\n")[1].TrimEnd().Split('\n');
        string[] printed = run.Output.TrimEnd().Split('\n');
        Assert.Equal(shown.Select(WithoutSpeed), printed.Select(WithoutSpeed));
    }

    /// <summary>Every folder of the layers has its line, and every line its folder.</summary>
    [Theory]
    [InlineData("Engine.Core")]
    [InlineData("Engine.Arm64")]
    public void The_rooms_are_those_in_the_README(string layer)
    {
        string table = Readme[Readme.IndexOf($"| **`{layer}`**", StringComparison.Ordinal)..];
        table = table[..table.IndexOf("| **`", 5, StringComparison.Ordinal)];
        string[] rooms = [.. Directory.GetDirectories(Path.Combine(Root, layer)).Select(path => Path.GetFileName(path)!).Where(name => name is not ("bin" or "obj" or "Properties" or "Units"))];
        string[] named = [.. Regex.Matches(table, "`([A-Za-z]+)`[,a-z ]*(?=[,|`])").Select(match => match.Groups[1].Value)];
        Assert.All(rooms, room => Assert.Contains(room, named));
    }

    [Theory]
    [InlineData("EmbeddingExample")]
    [InlineData("NegativeExample")]
    [InlineData("WaitingExample")]
    public void The_examples_are_those_in_the_README(string name)
    {
        string[] source = File.ReadAllLines(Path.Combine(Root, "Engine.PropertyTests", "Readme", name + ".cs"));
        int start = Array.FindIndex(source, line => line.Contains("<example>", StringComparison.Ordinal));
        int end = Array.FindIndex(source, line => line.Contains("</example>", StringComparison.Ordinal));
        IEnumerable<string> example = source[(start + 1)..end].Select(line => line.Trim()).Where(line => line.Length > 0);
        string[] readme = [.. Readme.Split('\n').Select(line => line.Trim())];
        Assert.All(example, line => Assert.Contains(line.Replace("output.WriteLine", "Console.WriteLine", StringComparison.Ordinal), readme));
    }

    /// <summary>The layer rule is stated where newcomers read it.</summary>
    [Fact]
    public void The_layer_rule_is_in_the_README() =>
        Assert.Contains("`Engine.Arm64` uses `Engine.Core`, never the reverse", Readme, StringComparison.Ordinal);

    private static string WithoutSpeed(string line) => Regex.Replace(line, @" in \d+\.\d+ s: .* records/s", "").TrimEnd();
}
