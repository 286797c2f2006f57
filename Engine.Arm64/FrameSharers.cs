// The frames that fork shares between processes, and their anon_vmas, are counted without atomics: what one CPU does to one process of
// a family has to be over before another CPU does something to another. Nothing keeps two threads from doing both at once; this
// notices it where their faults, forks or unmappings meet, and says so before counts are lost. Two CPUs that enter in the very same
// moment may still be missed. A process that never forked, and was not forked, has none of this.

using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Arm64;

/// <summary>The address spaces that fork made of one another, and which CPU is changing frames of theirs.</summary>
internal sealed class FrameSharers
{
    // Its number plus one; 0 is none. Every fault writes it, so nothing of another family may lie in its line.
    private PaddedInt32 busyCpu;

    /// <summary>A CPU begins.</summary>
    /// <exception cref="InvalidOperationException">Another CPU has begun and not ended.</exception>
    public void Enter(CpuId cpu)
    {
        int other = Volatile.Read(ref busyCpu.Value);
        if (other != 0 && other != cpu.Value + 1)
        {
            ThrowBusy(cpu.Value, other - 1);
        }

        Volatile.Write(ref busyCpu.Value, cpu.Value + 1);
    }

    /// <summary>It has ended.</summary>
    public void Leave() => Volatile.Write(ref busyCpu.Value, 0);

    private void ThrowBusy(int cpu, int other)
    {
        Leave();
        throw new InvalidOperationException(
            $"CPUs {other} and {cpu} change processes of one fork family at the same time (expected one thread for them, or one after the other)");
    }
}
