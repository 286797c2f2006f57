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
    /// <summary>Boots the machine.</summary>
    /// <param name="memoryBytes">Its memory in bytes.</param>
    /// <param name="cpuCount">Its CPUs.</param>
    protected SequenceRun(ulong memoryBytes, int cpuCount)
    {
        Memory = new PhysicalMemory(new MemoryBank(new PhysAddr(0x4000_0000), memoryBytes));
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

    private void ExpectReports() => Expect(Log.Count == ExpectedReports, $"{Log.Count} reports instead of {ExpectedReports}: {Log.Items.LastOrDefault()}");
}
