using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel.Map;

/// <summary>A part of the kernel image with one protection.</summary>
/// <param name="Name">In the linker script's words.</param>
/// <param name="Start">First address.</param>
/// <param name="Physical">First byte in memory.</param>
/// <param name="LengthBytes">A multiple of 64 KiB.</param>
public readonly record struct KernelSegment(string Name, VirtAddr Start, PhysAddr Physical, ulong LengthBytes)
{
    /// <summary>First address behind it.</summary>
    public VirtAddr End => Start + LengthBytes;
}
