using Engine.Core.Units;

namespace Engine.Bench.Frames;

/// <summary>repeat-half: a get and a put at a time, half of the memory allocated. An operation is a pair.</summary>
internal sealed class RepeatHalf : FrameWorkload
{
    private readonly int pairs;
    private readonly bool[] isFilled;

    public RepeatHalf(ulong memoryBytes, int order, int threads, int pairs)
        : base(memoryBytes, order, threads)
    {
        this.pairs = pairs;
        isFilled = new bool[threads];
    }

    public override void Prepare(int thread)
    {
        if (!isFilled[thread])
        {
            Fill(thread, Blocks / 2);
            isFilled[thread] = true;
        }
    }

    public override long Run(int thread)
    {
        CpuId cpu = new(thread);
        for (int i = 0; i < pairs; i++)
        {
            _ = Allocator.TryAllocate(cpu, Order, Gfp, out Pfn pfn);
            Allocator.Free(cpu, pfn, Order);
        }

        return pairs;
    }
}
