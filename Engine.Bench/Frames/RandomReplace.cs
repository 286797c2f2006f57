namespace Engine.Bench.Frames;

/// <summary>rand50/90 (window 1) and churn512 (window 512): put random live blocks, get as many. An operation is a pair.</summary>
internal sealed class RandomReplace : FrameWorkload
{
    private readonly int window;
    private readonly int pairs;
    private readonly int live;
    private readonly bool[] isFilled;

    public RandomReplace(ulong memoryBytes, int order, int threads, int percent, int window, int pairs)
        : base(memoryBytes, order, threads)
    {
        this.pairs = pairs;

        // What the boot-time metadata takes is no block that anyone could have.
        live = (int)Math.Min((long)Blocks * percent / 100, (long)(Allocator.ManagedPages >> order) / threads * 97 / 100);
        this.window = Math.Min(window, live / 2);
        isFilled = new bool[threads];
    }

    public override void Prepare(int thread)
    {
        if (!isFilled[thread])
        {
            isFilled[thread] = true;
            Fill(thread, live);
            Replace(thread, live);
        }
    }

    public override long Run(int thread) => Replace(thread, pairs);

    private long Replace(int thread, int total)
    {
        ulong[] blocks = Live[thread];
        XorShift64 random = Randoms[thread];
        int rounds = (total / window) + 1;
        for (int round = 0; round < rounds; round++)
        {
            // Distinct random blocks: a partial shuffle to the front.
            for (int i = 0; i < window; i++)
            {
                int j = i + random.Next(live - i);
                (blocks[i], blocks[j]) = (blocks[j], blocks[i]);
            }

            Empty(thread, blocks.AsSpan(0, window));
            Fill(thread, window);
        }

        return (long)rounds * window;
    }
}
