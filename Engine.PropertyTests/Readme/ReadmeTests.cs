using Engine.PropertyTests.Support;
using Xunit;

namespace Engine.PropertyTests.Readme;

/// <summary>What the README shows is what there is.</summary>
public sealed class ReadmeTests
{
    private static readonly string Root = SharedData.RepositoryRoot;

    [Fact]
    public void The_embedding_example_runs()
    {
        StringWriter output = new();
        EmbeddingExample.Run(output);
        Assert.Equal("42 after 1 fault, 1 page resident, 3 page tables", output.ToString().Trim());
    }

    [Fact]
    public void The_embedding_example_is_the_one_in_the_README()
    {
        string[] source = File.ReadAllLines(Path.Combine(Root, "Engine.PropertyTests", "Readme", "EmbeddingExample.cs"));
        int start = Array.FindIndex(source, line => line.Contains("<example>", StringComparison.Ordinal));
        int end = Array.FindIndex(source, line => line.Contains("</example>", StringComparison.Ordinal));
        IEnumerable<string> example = source[(start + 1)..end].Select(line => line.Trim()).Where(line => line.Length > 0);
        string[] readme = [.. File.ReadAllLines(Path.Combine(Root, "README.md")).Select(line => line.Trim())];
        Assert.All(example, line => Assert.Contains(line.Replace("output.WriteLine", "Console.WriteLine", StringComparison.Ordinal), readme));
    }

    /// <summary>The layer rule is stated where newcomers read it.</summary>
    [Fact]
    public void The_layer_rule_is_in_the_README() =>
        Assert.Contains("`Engine.Arm64` uses `Engine.Core`, never the reverse", File.ReadAllText(Path.Combine(Root, "README.md")), StringComparison.Ordinal);
}
