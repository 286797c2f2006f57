using Engine.Core.Units;

namespace Engine.Core.Arena;

/// <summary>A range of physical addresses where the machine has RAM; what lies between banks is a hole.</summary>
/// <param name="Start">First byte; a multiple of 2 MiB.</param>
/// <param name="LengthBytes">Length in bytes; a multiple of 4,096, not zero.</param>
/// <param name="Node">NUMA node that the bank belongs to, 0-based.</param>
public readonly record struct MemoryBank(PhysAddr Start, ulong LengthBytes, int Node = 0)
{
    /// <summary>The first byte after the bank.</summary>
    public PhysAddr End => Start + LengthBytes;
}
