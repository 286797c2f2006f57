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
    public string Description => "Page frames: nanoseconds a get, a put, or a pair.";

    /// <inheritdoc/>
    public void Run(SuiteContext context)
    {
        Selection wanted = Selection.Parse(context.Options.Input);
        foreach (int threads in (int[])[1, 2])
        {
            foreach (ulong memory in (ulong[])[GiB, 8 * GiB])
            {
                foreach (int order in (int[])[0, 3, 9])
                {
                    foreach (WorkloadCase one in Cases(memory, order, threads, context.Options.IsQuick).Where(wanted.Includes))
                    {
                        _ = context.Measure(one);
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
    private static IEnumerable<WorkloadCase> Cases(ulong memory, int order, int threads, bool isQuick)
    {
        int scale = isQuick ? 10 : 1;
        int pairs = 1_000_000 / scale;
        yield return Make("repeat-half", () => new RepeatHalf(memory, order, threads, pairs));
        if (threads == 1)
        {
            yield return Make("bulk-get", () => new Bulk(memory, order, threads, BulkPart.Get, pairs));
            yield return Make("bulk-put", () => new Bulk(memory, order, threads, BulkPart.Put, pairs));
            yield return Make("bulk-shuf-put", () => new Bulk(memory, order, threads, BulkPart.Put, pairs, isShuffled: true));
        }
        else
        {
            yield return Make("bulk", () => new Bulk(memory, order, threads, BulkPart.Both, pairs));
            yield return Make("remote", () => new Bulk(memory, order, threads, BulkPart.Both, pairs, isRemote: true));
        }

        yield return Make("rand50", () => new RandomReplace(memory, order, threads, 50, 1, pairs));
        yield return Make("rand90", () => new RandomReplace(memory, order, threads, 90, 1, pairs));
        yield return Make("churn512-50", () => new RandomReplace(memory, order, threads, 50, 512, pairs));
        yield return Make("churn512-90", () => new RandomReplace(memory, order, threads, 90, 512, pairs));

        WorkloadCase Make(string name, Func<IWorkload> create) => new(
            name, order.ToString(CultureInfo.InvariantCulture), memory == GiB ? "1G" : "8G", threads, create);
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
