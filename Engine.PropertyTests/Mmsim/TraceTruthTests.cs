using Engine.Arm64.Translation;
using Engine.PropertyTests.Support;
using Mmsim.Traces;
using Xunit;

namespace Engine.PropertyTests.MmsimTests;

/// <summary>What is read from real traces equals what independent programs counted in them.</summary>
public sealed class TraceTruthTests
{
    [SharedDataFact("data/traces")]
    public void Every_recorded_trace_reads_as_its_truth_file_says()
    {
        foreach (string path in Directory.GetFiles(SharedData.Find("data/traces")!, "*.lackey.zst"))
        {
            TruthFile truth = new(path.Replace(".lackey.zst", ".truth.csv", StringComparison.Ordinal));
            CheckCounts(truth, RecordedTrace.Load(path));
        }
    }

    [SharedDataFact("data/traces")]
    public void The_naive_models_on_every_recorded_trace_miss_as_its_truth_file_says()
    {
        foreach (string path in Directory.GetFiles(SharedData.Find("data/traces")!, "*.lackey.zst"))
        {
            TruthFile truth = new(path.Replace(".lackey.zst", ".truth.csv", StringComparison.Ordinal));
            CheckMisses(truth, RecordedTrace.Load(path));
        }
    }

    private static void CheckCounts(TruthFile truth, RecordedTrace trace)
    {
        Assert.Equal(truth["records_I"], trace.Counts.Instr);
        Assert.Equal(truth["records_L"], trace.Counts.Load);
        Assert.Equal(truth["records_S"], trace.Counts.Store);
        Assert.Equal(truth["records_M"], trace.Counts.Modify);
        Assert.Equal(truth["records_total"], trace.Counts.Total);
        Assert.Equal(truth["pages4k_I"], trace.Pages.Instr);
        Assert.Equal(truth["pages4k_data"], trace.Pages.Data);
        Assert.Equal(truth["pages4k_read"], trace.Pages.Read);
        Assert.Equal(truth["pages4k_written"], trace.Pages.Written);
        Assert.Equal(truth["pages4k_total"], trace.Pages.Total);
    }

    private static void CheckMisses(TruthFile truth, RecordedTrace trace)
    {
        NaiveLru l1 = new(1, 48);
        NaiveLru l2 = new(256, 5);
        NaiveLru set64 = new(16, 4);
        NaiveLru set48 = new(12, 4);
        NaiveLru fetch = new(1, 48);
        NaiveLru pages64K = new(1, 48);
        NaiveLru pages2M = new(1, 48);
        using IAccessSource source = trace.OpenReader();
        while (source.TryRead(out AccessRun run))
        {
            foreach (Access access in run.Accesses)
            {
                long page = (long)(access.Address.ToUInt64() >> 12);
                if (access.Kind == AccessKind.Fetch)
                {
                    _ = fetch.Touch(page);
                    continue;
                }

                _ = l1.Touch(page) || l2.Touch(page);
                _ = set64.Touch(page);
                _ = set48.Touch(page);
                _ = pages64K.Touch(page >> 4);
                _ = pages2M.Touch(page >> 9);
            }
        }

        Assert.Equal(truth["tlb_l1_48fa_miss"], l1.Misses);
        Assert.Equal(truth["tlb_l2_1280x5_miss"], l2.Misses);
        Assert.Equal(truth["tlb_64x4_miss"], set64.Misses);
        Assert.Equal(truth["tlb_48x4_sets12_miss"], set48.Misses);
        Assert.Equal(truth["itlb_fa48_miss"], fetch.Misses);
        Assert.Equal(truth["tlb_fa48_64k_miss"], pages64K.Misses);
        Assert.Equal(truth["tlb_fa48_2m_miss"], pages2M.Misses);
    }
}
