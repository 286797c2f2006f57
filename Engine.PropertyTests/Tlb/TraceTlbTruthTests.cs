using System.Globalization;
using Engine.Arm64.Tlb;
using Engine.Arm64.Translation;
using Engine.PropertyTests.Support;
using Xunit;

namespace Engine.PropertyTests.Tlb;

/// <summary>Miss counts on recorded traces against the counts of independent programs.</summary>
public sealed class TraceTlbTruthTests
{
    [SharedDataFact("data/traces")]
    public void Every_recorded_trace_misses_as_counted()
    {
        foreach (string truthPath in Directory.GetFiles(SharedData.Find("data/traces")!, "*.truth.csv"))
        {
            string tracePath = truthPath.Replace(".truth.csv", ".lackey.zst", StringComparison.Ordinal);
            Dictionary<string, ulong> truth = File.ReadLines(truthPath)
                .Select(line => line.Split(','))
                .ToDictionary(fields => fields[0], fields => ulong.Parse(fields[^1], CultureInfo.InvariantCulture));
            Check(NaiveLackey.Read(tracePath), truth);
        }
    }

    [Fact]
    public void The_bundled_sample_misses_as_counted()
    {
        // Counted by two programs that share no code with the engine.
        Dictionary<string, ulong> truth = new()
        {
            ["records_total"] = 5283434,
            ["tlb_fa48_miss"] = 1632,
            ["tlb_l1_48fa_miss"] = 1632,
            ["tlb_l2_1280x5_miss"] = 303,
            ["tlb_64x4_miss"] = 2086,
            ["tlb_48x4_sets12_miss"] = 7362,
            ["itlb_fa48_miss"] = 4214,
            ["tlb_fa48_64k_miss"] = 38,
            ["tlb_fa48_2m_miss"] = 7,
        };
        Check(NaiveLackey.Read(Path.Combine(SharedData.RepositoryRoot, "tools", "traces", "a1_sqlite.lackey.zst")), truth);
    }

    private static void Check(Access[] records, Dictionary<string, ulong> truth)
    {
        Assert.Equal(truth["records_total"], (ulong)records.Length);
        ulong[] levels = Misses(records, "l1d=48:full,l2=1280:5", AccessKinds.Data);
        Assert.Equal(truth["tlb_l1_48fa_miss"], levels[0]);
        Assert.Equal(truth["tlb_l2_1280x5_miss"], levels[1]);
        Assert.Equal(truth["tlb_fa48_miss"], Misses(records, "l1d=48:full", AccessKinds.Data)[0]);
        Assert.Equal(truth["tlb_64x4_miss"], Misses(records, "l1d=64:4", AccessKinds.Data)[0]);
        Assert.Equal(truth["tlb_48x4_sets12_miss"], Misses(records, "l1d=48:4", AccessKinds.Data)[0]);
        Assert.Equal(truth["itlb_fa48_miss"], Misses(records, "l1i=48:full", AccessKinds.Fetch)[0]);

        // Both sides in one stream: each misses as it does alone.
        ulong[] both = Misses(records, "l1i=48:full,l1d=48:full", AccessKinds.All);
        Assert.Equal([truth["itlb_fa48_miss"], truth["tlb_fa48_miss"]], both);
        Assert.Equal(truth["tlb_fa48_64k_miss"], Misses(records, "l1d=48:full", AccessKinds.Data, 16)[0]);
        Assert.Equal(truth["tlb_fa48_2m_miss"], Misses(records, "l1d=48:full", AccessKinds.Data, 21)[0]);
    }

    private static ulong[] Misses(Access[] records, string spec, AccessKinds kinds, int pageShift = 12)
    {
        Assert.True(TlbSpec.TryParse(spec, out TlbGeometry? geometry, out string? wrong, out _), wrong);
        TraceTlb tlb = new(geometry, pageShift);

        // Odd batch sizes: what is remembered between calls must not change the outcome.
        int size = 1;
        for (int start = 0; start < records.Length; start += size)
        {
            size = Math.Min(((size * 5) + 3) % 10007, records.Length - start);
            tlb.Run(records.AsSpan(start, Math.Max(size, 1)), kinds);
            size = Math.Max(size, 1);
        }

        return [.. tlb.Statistics.Select(level => level.Misses)];
    }
}
