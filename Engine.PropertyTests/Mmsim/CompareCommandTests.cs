using System.Text.Json;
using Engine.Arm64;
using Engine.PropertyTests.Support;
using Mmsim.Cli;
using Mmsim.Compare;
using Mmsim.Traces;
using Xunit;

namespace Engine.PropertyTests.MmsimTests;

/// <summary><c>mmsim compare</c>: each variant is what <c>mmsim run</c> would say, and bad variants are refused.</summary>
public sealed class CompareCommandTests
{
    private static readonly string Sample = Path.Combine(SharedData.RepositoryRoot, "tools", "traces", "a1_sqlite.lackey.zst");

    [Fact]
    public void Variants_are_replayed_and_compared()
    {
        using TemporaryFile json = new();
        using TemporaryFile csv = new();
        CommandLineRun run = CommandLineRun.Of(
            "compare", Sample, "--vary", "folio=4K,64K,2M", "--vary", "contiguous=on,off", "--json", json.Path, "--csv", csv.Path);
        Assert.Equal("", run.Error);
        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Contains("walk reads", run.Output, StringComparison.Ordinal);
        Assert.StartsWith("folio,contiguous,l1d_misses,l1i_misses,l2_misses,walks,walk_reads,cycles,", File.ReadAllText(csv.Path), StringComparison.Ordinal);
        Assert.Equal(7, File.ReadAllLines(csv.Path).Length);

        JsonElement[] variants = [.. JsonDocument.Parse(File.ReadAllText(json.Path)).RootElement.GetProperty("variants").EnumerateArray()];
        Assert.Equal(["4K on", "4K off", "64K on", "64K off", "2M on", "2M off"], variants.Select(v => $"{v.GetProperty("folio").GetString()} {v.GetProperty("contiguous").GetString()}"));

        // Without folios there is nothing to fold; with them the contiguous bit saves walks, and folios save faults and cost memory.
        Assert.Equal(Number(variants[0], "walks"), Number(variants[1], "walks"));
        Assert.True(Number(variants[2], "walks") < Number(variants[3], "walks"));
        Assert.True(Number(variants[2], "faults_minor") < Number(variants[0], "faults_minor"));
        Assert.True(Number(variants[4], "used_bytes") > Number(variants[0], "used_bytes"));
    }

    [Fact]
    public void The_plot_is_a_picture()
    {
        using TemporaryFile picture = new();
        string path = picture.Path + ".png";
        RecordedTrace trace = RecordedTrace.Load(Sample);
        IReadOnlyList<Variant> variants = VariantSet.Parse(["memory=64M,1G"], new MachineOptions());
        VariantResult[] results = Comparison.Run(trace, variants, _ => { }, CancellationToken.None);
        ComparePlot.Write(path, "sample", results);
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], File.ReadAllBytes(path)[..4]);
        File.Delete(path);
    }

    [Fact]
    public void The_plain_variant_is_what_run_reports()
    {
        using TemporaryFile json = new();
        using TemporaryFile plain = new();
        Assert.Equal(ExitCode.Done, CommandLineRun.Of("compare", Sample, "--vary", "core=cortex-a55,neoverse-n1", "--quiet", "--json", json.Path).ExitCode);
        Assert.Equal(ExitCode.Done, CommandLineRun.Of("run", Sample, "--core", "cortex-a55", "--quiet", "--json", plain.Path).ExitCode);
        JsonElement variant = JsonDocument.Parse(File.ReadAllText(json.Path)).RootElement.GetProperty("variants")[0];
        JsonElement run = JsonDocument.Parse(File.ReadAllText(plain.Path)).RootElement;
        Assert.Equal(run.GetProperty("tlb").GetProperty("l2").GetProperty("misses").GetInt64(), Number(variant, "l2_misses"));
        Assert.Equal(run.GetProperty("walks").GetProperty("descriptors").GetInt64(), Number(variant, "walk_reads"));
        Assert.Equal(run.GetProperty("faults").GetProperty("minor").GetInt64(), Number(variant, "faults_minor"));
    }

    [Theory]
    [InlineData("folio=8K", "there are no folios of 8K")]
    [InlineData("folio=", "different values")]
    [InlineData("folio=4K,4K", "different values")]
    [InlineData("color=red", "core, folio, contiguous, hpa or memory")]
    [InlineData("core=z80", "no core is called 'z80'")]
    [InlineData("hpa=maybe", "on or off")]
    [InlineData("memory=5", "no amount of RAM")]
    public void Bad_variants_are_one_line(string spec, string message)
    {
        CommandLineRun run = CommandLineRun.Of("compare", Sample, "--vary", spec);
        Assert.Equal(ExitCode.BadInput, run.ExitCode);
        Assert.Contains(message, run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
    }

    private static long Number(JsonElement variant, string key) => variant.GetProperty(key).GetInt64();
}
