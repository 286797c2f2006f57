using System.Globalization;
using Engine.Bench.Harness;
using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Bench.Frames;

/// <summary>How fast page frames are taken and given back, through the public API with everything on.</summary>
public sealed class FramesSuite : ISuite
{
    private const ulong GiB = 1UL << 30;

    /// <inheritdoc/>
    public string Name => "frames";

    /// <inheritdoc/>
    public string Description => "Page frames: nanoseconds a get, a put, or a pair; beside LLFree, where --llfree names its sources.";

    /// <inheritdoc/>
    public void Run(SuiteContext context)
    {
        Selection wanted = Selection.Parse(context.Options.Input);
        LlfreeLibrary? llfree = LlfreeLibrary.TryBuild(context.Options.LlfreePath, out string? reason);
        if (llfree is null)
        {
            SuiteContext.Note($"llfree: not measured, {reason}");
        }

        foreach (int threads in (int[])[1, 2])
        {
            foreach (ulong memory in (ulong[])[GiB, 8 * GiB])
            {
                foreach (int order in (int[])[0, 3, 9])
                {
                    foreach (FrameCase one in Cases(memory, order, threads, context.Options.IsQuick).Where(one => wanted.Includes(one.Engine)))
                    {
                        _ = context.Measure(llfree is null ? [one.Engine] : [one.Engine, one.WithLlfree(llfree)]);
                    }
                }
            }
        }

        foreach (ulong gibibytes in (ulong[])[1, 8, 64])
        {
            NoteMetadata(gibibytes * GiB);
        }
    }

    // One thread: get and put apart, as the figures to compare with are. Two threads: everything that a thread does in a round.
    private static IEnumerable<FrameCase> Cases(ulong memory, int order, int threads, bool isQuick)
    {
        int pairs = 1_000_000 / (isQuick ? 10 : 1);
        yield return Make("repeat-half", LlfreeJob.RepeatHalf, () => new RepeatHalf(memory, order, threads, pairs));
        if (threads == 1)
        {
            yield return Make("bulk-get", LlfreeJob.BulkGet, () => new Bulk(memory, order, threads, BulkPart.Get, pairs));
            yield return Make("bulk-put", LlfreeJob.BulkPut, () => new Bulk(memory, order, threads, BulkPart.Put, pairs));
            yield return Make("bulk-shuf-put", LlfreeJob.BulkShuffledPut, () => new Bulk(memory, order, threads, BulkPart.Put, pairs, isShuffled: true));
        }
        else
        {
            yield return Make("bulk", LlfreeJob.Bulk, () => new Bulk(memory, order, threads, BulkPart.Both, pairs));
            yield return Make("remote", LlfreeJob.Remote, () => new Bulk(memory, order, threads, BulkPart.Both, pairs, isRemote: true));
        }

        yield return MakeReplace("rand50", 50, 1);
        yield return MakeReplace("rand90", 90, 1);
        yield return MakeReplace("churn512-50", 50, 512);
        yield return MakeReplace("churn512-90", 90, 512);

        FrameCase MakeReplace(string name, int percent, int window) =>
            Make(name, LlfreeJob.Replace, () => new RandomReplace(memory, order, threads, percent, window, pairs), percent, window);

        FrameCase Make(string name, LlfreeJob job, Func<IWorkload> create, int percent = 0, int window = 0)
        {
            WorkloadCase engine = new(name, order.ToString(CultureInfo.InvariantCulture), memory == GiB ? "1G" : "8G", threads, create);
            return new FrameCase(engine, llfree => llfree.Create(job, memory, order, threads, percent, window, pairs));
        }
    }

    private static void NoteMetadata(ulong bytes)
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        using PhysicalMemory memory = new(new MemoryBank(new PhysAddr(GiB), bytes));
        MemoryLayout layout = new(memory);
        FrameTable frames = new(memory, layout);
        PageAllocator allocator = new(memory, layout, frames, new CorruptionLog(), new PageAllocatorOptions());
        double milliseconds = System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        ulong all = allocator.MetadataRegions.Aggregate(0UL, (sum, region) => sum + region.LengthBytes);
        SuiteContext.Note(string.Create(
            CultureInfo.InvariantCulture,
            $"{bytes / GiB} GiB: boot {milliseconds:0.0} ms; bitmaps {Percent(allocator.BitmapBytes)} %, frame descriptors {Percent(frames.Region.LengthBytes)} %, with states and lists {Percent(all)} % of memory"));

        string Percent(ulong part) => (100.0 * part / bytes).ToString("0.0000", CultureInfo.InvariantCulture);
    }
}
