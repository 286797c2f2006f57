using System.Text;
using Engine.PropertyTests.Support;
using Mmsim.Kmem;
using Xunit;

namespace Engine.PropertyTests.Kmem;

/// <summary>Reading made-up traces against the naive account of them, and replaying them on the model.</summary>
public sealed class KmemReplayTests
{
    [Fact]
    public void Random_traces_mean_what_the_naive_account_says() =>
        ModelProperty.Check(TraceLine.Generator, lines => Compare(lines, new NaiveKmem()), tests: 200, length: 300);

    [Fact]
    public void Freeing_batched_pages_twice_is_caught() =>
        ModelProperty.MustFail(TraceLine.Generator, lines => Compare(lines, new NaiveKmem { FreesBatchedTwice = true }), tests: 50);

    [Fact]
    public void A_replay_leaves_exactly_the_live_pages_allocated() =>
        ModelProperty.Check(TraceLine.Generator, lines => Replay(lines, losesAFree: false), tests: 40, length: 300);

    [Fact]
    public void A_replay_that_loses_a_free_is_caught() =>
        ModelProperty.MustFail(TraceLine.Generator, lines => Replay(lines, losesAFree: true), tests: 10, length: 300);

    [Fact]
    public void The_bundled_excerpt_counts_as_counted_by_hand()
    {
        KmemTrace trace = KmemTrace.Read(Path.Combine(SharedData.RepositoryRoot, "Engine.PropertyTests", "Kmem", "excerpt.ftrace.txt"));
        KmemCounts counts = trace.Program.Counts;
        Assert.Equal([0, 6, 6, 2, 2, 2, 1], counts.Events);
        Assert.Equal(5, counts.AllocByOrder[0]);
        Assert.Equal(1, counts.AllocByOrder[3]);
        Assert.Equal([3, 3, 0, 0, 0, 0], counts.AllocByMigrateType);
        Assert.Equal(1, counts.FailedAllocs);
        Assert.Equal(3, counts.MatchedFrees);
        Assert.Equal(2, counts.UnknownFrees);
        Assert.Equal(5, counts.UnknownFreePages);
        Assert.Equal(1, counts.DifferingFrees);
        Assert.Equal(1, counts.ExtFragFragmenting);
        Assert.Equal(0, counts.ExtFragOwnership);
        Assert.Equal(1, counts.ZoneLockedRefills);
        Assert.Equal(11ul, trace.Program.PeakLivePages);
        Assert.Equal(7ul, trace.Program.LivePages);
        Assert.Equal(21ul, trace.Text.LostEvents);
        Assert.Equal(2, trace.Text.CpuCount);
        Assert.Equal(new Dictionary<string, long> { ["tracing_mark_write"] = 2, ["sched_switch"] = 1 }, trace.Text.OtherEvents);
    }

    private static KmemTrace Read(IReadOnlyList<TraceLine> lines)
    {
        string text = "# tracer: nop\n#\n# entries-in-buffer/entries-written: 9/9   #P:4\n"
            + new TraceLine(TraceLineKind.Marker, 0, 0, 0, 0).ToText(0)
            + string.Concat(lines.Select((line, index) => line.ToText(index)));

        // Uneven pieces: no line may depend on where a buffer ends.
        using MemoryStream stream = new(Encoding.ASCII.GetBytes(text));
        int size = 1;
        return KmemTrace.Read("made up", buffer => stream.Read(buffer.Span[..Math.Min(buffer.Length, size = (size * 7 % 1009) + 1)]));
    }

    private static void Compare(IReadOnlyList<TraceLine> lines, NaiveKmem naive)
    {
        KmemTrace trace = Read(lines);
        KmemCounts counts = trace.Program.Counts;
        foreach (TraceLine line in lines)
        {
            line.ApplyTo(naive);
        }

        Assert.Equal(lines.Count + 1, trace.Text.EventCount);
        foreach (TraceLineKind kind in Enum.GetValues<TraceLineKind>().Where(kind => kind != TraceLineKind.Marker))
        {
            Assert.Equal(lines.Count(line => line.Kind == kind), counts.Events[(int)kind + 1]);
        }

        Assert.Equal(naive.Matched, counts.MatchedFrees);
        Assert.Equal(naive.Unknown, counts.UnknownFrees);
        Assert.Equal(naive.UnknownPages, counts.UnknownFreePages);
        Assert.Equal(naive.Differing, counts.DifferingFrees);
        Assert.Equal(naive.Reallocated, counts.ReallocatedLive);
        Assert.Equal(naive.LivePages, trace.Program.LivePages);
        Assert.Equal(naive.Peak, trace.Program.PeakLivePages);
    }

    private static void Replay(IReadOnlyList<TraceLine> lines, bool losesAFree)
    {
        KmemTrace trace = Read(lines);
        using ModelMemory model = ModelMemory.Boot(64 << 20, 4);
        KmemReplay replay = new(trace.Program, trace.Gfps, model.Pages);
        replay.PrepareEarlier([]);
        replay.Run(7);
        if (losesAFree)
        {
            _ = model.Pages.TryAllocate(new Engine.Core.Units.CpuId(0), new Engine.Core.Units.Order(2), Engine.Core.Units.GfpFlags.Kernel, out Engine.Core.Units.Pfn extra);
            model.Pages.Memory.GetRef<byte>(model.Pages.MetadataRegions.Single(one => one.Name == "frame states").Start + (extra - model.Pages.Frames.First)) = 0;
        }

        Assert.Equal(0, replay.Failures + replay.EarlierFailures);
        Assert.Equal(0, model.Log.Count);
        Assert.Empty(model.Pages.Verify());
        long kept = (long)replay.Report.AllocatedPages - (long)replay.Report.FreedPages;
        Assert.Equal((long)trace.Program.LivePages - trace.Program.Counts.UnknownFreePages, kept);
        Assert.Equal(trace.Program.Count, replay.StepsDone);
    }
}
