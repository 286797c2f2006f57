// The check that stands before nearly every step through structures in RAM, at its shortest. Memory.Contains compares start and length,
// and looks at further banks; here one compare says that a structure of one size lies in the first bank, on a boundary of eight bytes. What fails
// it is asked again in full, by a call that takes no registers from the caller's usual way.

using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Core.Arena;

/// <summary>Structures of one size in the first bank of RAM.</summary>
internal readonly unsafe struct StructureWindow
{
    private const int AlignmentLog2 = 3;

    private readonly byte* bias;
    private readonly ulong start;
    private readonly ulong last;

    /// <summary>For structures of a size.</summary>
    /// <param name="memory">RAM.</param>
    /// <param name="sizeBytes">At most a frame.</param>
    public StructureWindow(PhysicalMemory memory, int sizeBytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)sizeBytes, (uint)Units.Pfn.PageSizeBytes);
        bias = memory.Bias;
        start = memory.Start.Value;
        last = (memory.Banks[0].LengthBytes - (ulong)(uint)sizeBytes) >> AlignmentLog2;
    }

    /// <summary>Whether the structure at an address lies in the first bank and on a boundary of eight bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Holds(ulong address) =>
        BitOperations.RotateRight(unchecked(address - start), AlignmentLog2) <= last; // a bit below the boundary goes to the top

    /// <summary>Where an address lies in the host. It has to be RAM.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* At(ulong address) => bias + address;
}
