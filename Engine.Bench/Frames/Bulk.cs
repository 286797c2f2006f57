using Engine.Bench.Harness;

namespace Engine.Bench.Frames;

/// <summary>bulk, bulk-shuf and remote: N gets, then N puts. Which half is timed is the case's choice.</summary>
internal sealed class Bulk : FrameWorkload
{
    private readonly BulkPart part;
    private readonly int count;
    private readonly int rounds;
    private readonly bool isRemote;
    private readonly bool isShuffled;
    private readonly Barrier? meeting;
    private readonly long[] countedNs;

    public Bulk(ulong memoryBytes, int order, int threads, BulkPart part, int operations, bool isShuffled = false, bool isRemote = false)
        : base(memoryBytes, order, threads)
    {
        this.part = part;
        this.isShuffled = isShuffled;
        this.isRemote = isRemote;
        count = Math.Min(100_000, Blocks * 3 / 4);
        rounds = (operations + count - 1) / count;
        countedNs = new long[threads];
        meeting = threads > 1 ? new Barrier(threads) : null;
    }

    public override long Run(int thread) => part == BulkPart.Both ? RunBoth(thread) : RunPart(thread);

    public override long? OwnNanoseconds(int thread) => part == BulkPart.Both ? null : countedNs[thread];

    public override void Dispose()
    {
        meeting?.Dispose();
        base.Dispose();
    }

    // Both halves alternate, so that each works on what the other left in the caches; only one of them counts.
    private long RunPart(int thread)
    {
        long counted = 0;
        for (int round = 0; round < rounds; round++)
        {
            long start = RoundClock.Now();
            Fill(thread, count);
            long filled = RoundClock.Now();
            Shuffle(thread);
            long shuffled = RoundClock.Now();
            Empty(thread, Live[thread].AsSpan(0, count));
            counted += part == BulkPart.Get ? filled - start : RoundClock.Now() - shuffled;
        }

        countedNs[thread] = counted;
        return (long)rounds * count;
    }

    // Gets and puts count one each, as in the published aggregate figures.
    private long RunBoth(int thread)
    {
        for (int round = 0; round < rounds; round++)
        {
            Fill(thread, count);
            meeting?.SignalAndWait();
            Empty(thread, Live[isRemote ? (thread + 1) % Threads : thread].AsSpan(0, count));

            meeting?.SignalAndWait();
        }

        return 2L * rounds * count;
    }

    private void Shuffle(int thread)
    {
        ulong[] live = Live[thread];
        for (int i = count - 1; isShuffled && i > 0; i--)
        {
            int j = Randoms[thread].Next(i + 1);
            (live[i], live[j]) = (live[j], live[i]);
        }
    }
}
