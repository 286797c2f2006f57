// The frames that fork shares between processes, and their anon_vmas, are counted without atomics: what one CPU does to one process of
// a family has to be over before another CPU does something to another. Nothing keeps two threads from doing both at once; this
// notices it where their faults, forks or unmappings meet, and says so before counts are lost. Two CPUs that enter in the very same
// moment may still be missed. A process that never forked, and was not forked, has none of this.

using System.Runtime.CompilerServices;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Arm64;

/// <summary>The address spaces that fork made of one another, and which CPU is changing frames of theirs.</summary>
internal sealed class FrameSharers
{
    // Its number plus one; 0 is none. Every fault writes it, so nothing of another family may lie in its line.
    private PaddedInt32 busyCpu;

    /// <summary>A CPU begins; it ends when what this gives is disposed of, however it ends.</summary>
    /// <param name="family">The family of the process at hand; null where it has none.</param>
    /// <param name="cpu">The CPU.</param>
    /// <exception cref="InvalidOperationException">Another CPU has begun and not ended.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Turn Begin(FrameSharers? family, CpuId cpu)
    {
        if (family is null)
        {
            return default;
        }

        int before = Volatile.Read(ref family.busyCpu.Value);
        if (before != 0 && before != cpu.Value + 1)
        {
            ThrowBusy(cpu.Value, before - 1);
        }

        Volatile.Write(ref family.busyCpu.Value, cpu.Value + 1);
        return new Turn(family, before);
    }

    private static void ThrowBusy(int cpu, int other) => throw new InvalidOperationException(
        $"CPUs {other} and {cpu} change processes of one fork family at the same time (expected one thread for them, or one after the other)");

    /// <summary>What a CPU does to a family. One begun within another of the same CPU leaves that one going on.</summary>
    internal readonly ref struct Turn(FrameSharers? family, int before)
    {
        /// <summary>It has ended.</summary>
        public void Dispose()
        {
            if (family is not null)
            {
                Volatile.Write(ref family.busyCpu.Value, before);
            }
        }
    }
}
