using Engine.Core.Units;

namespace Engine.Core.Arena;

/// <summary>A named part of physical memory that boot carved out.</summary>
/// <param name="Name">What it holds, in Linux's words: <c>frame table</c>, <c>kernel image</c>, …</param>
/// <param name="Start">First byte; a multiple of 4,096.</param>
/// <param name="LengthBytes">Length in bytes; a multiple of 4,096.</param>
public readonly record struct MemoryRegion(string Name, PhysAddr Start, ulong LengthBytes)
{
    /// <summary>The first byte after the region.</summary>
    public PhysAddr End => Start + LengthBytes;
}
