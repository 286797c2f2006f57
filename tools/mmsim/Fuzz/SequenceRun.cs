using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Mmsim.Fuzz;

/// <summary>One sequence on a small machine, beside a reference. The machine's reports are counted: only bad calls may cause any.</summary>
/// <typeparam name="TOperation">One step.</typeparam>
public abstract class SequenceRun<TOperation> : IDisposable
{
    private const ulong MemoryStart = 0x4000_0000;
    private const ulong NodeSpanBytes = 64UL << 20;

    /// <summary>Boots the machine.</summary>
    /// <param name="memoryBytes">Memory of each NUMA node in bytes.</param>
    /// <param name="cpuCount">Its CPUs.</param>
    /// <param name="nodeCount">Its NUMA nodes, with holes between them.</param>
    protected SequenceRun(ulong memoryBytes, int cpuCount, int nodeCount = 1)
    {
        Memory = new PhysicalMemory([.. Enumerable.Range(0, nodeCount).Select(node => new MemoryBank(new PhysAddr(MemoryStart + ((ulong)node * NodeSpanBytes)), memoryBytes, node))]);
        MemoryLayout layout = new(Memory);
        FrameTable frames = new(Memory, layout);
        Pages = new PageAllocator(Memory, layout, frames, Log, new PageAllocatorOptions { CpuCount = cpuCount });
    }

    /// <summary>The machine's memory.</summary>
    protected PhysicalMemory Memory { get; }

    /// <summary>What was reported.</summary>
    protected CorruptionLog Log { get; } = new();

    /// <summary>The page allocator.</summary>
    protected PageAllocator Pages { get; }

    /// <summary>How many reports the bad calls so far must have caused.</summary>
    protected long ExpectedReports { get; set; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Memory.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Runs a sequence, with all checks now and then and at the end.</summary>
    /// <param name="operations">The sequence.</param>
    /// <param name="verifyEvery">Operations between two checks of everything.</param>
    /// <exception cref="FuzzMismatchException">The engine and the reference disagree.</exception>
    protected void Play(IReadOnlyList<TOperation> operations, int verifyEvery)
    {
        for (int i = 0; i < operations.Count; i++)
        {
            Apply(operations[i]);
            ExpectReports();
            if (i % verifyEvery == verifyEvery - 1)
            {
                Verify();
            }
        }

        Verify();
        Finish();
        ExpectReports();
    }

    /// <summary>Does one step on both sides.</summary>
    protected abstract void Apply(TOperation operation);

    /// <summary>Compares both sides, and checks every invariant.</summary>
    protected abstract void Verify();

    /// <summary>Gives everything back: nothing may remain.</summary>
    protected abstract void Finish();

    /// <summary>Fails the run.</summary>
    /// <exception cref="FuzzMismatchException"><paramref name="holds"/> is false.</exception>
    protected static void Expect(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new FuzzMismatchException(otherwise);
        }
    }

    /// <summary>The NUMA node of an address, by the layout of memory alone.</summary>
    protected static int NodeOf(PhysAddr address) => (int)((address.ToUInt64() - MemoryStart) / NodeSpanBytes);

    private void ExpectReports() => Expect(Log.Count == ExpectedReports, $"{Log.Count} reports instead of {ExpectedReports}: {Log.Items.LastOrDefault()}");
}
