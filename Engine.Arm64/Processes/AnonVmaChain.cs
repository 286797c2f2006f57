using System.Runtime.InteropServices;
using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <summary>One link between a VMA and an anon_vma (<c>struct anon_vma_chain</c>, include/linux/rmap.h); in the arena. A link that is absent is all ones.</summary>
[StructLayout(LayoutKind.Explicit, Size = SizeBytes)]
public struct AnonVmaChain
{
    /// <summary>Bytes in a link.</summary>
    public const int SizeBytes = 64;

    /// <summary>The VMA.</summary>
    [FieldOffset(0)]
    public VmAreaRef Area;

    /// <summary>The anon_vma.</summary>
    [FieldOffset(8)]
    public AnonVmaRef AnonVma;

    /// <summary>The next older link of the same VMA (<c>same_vma</c>).</summary>
    [FieldOffset(16)]
    public PhysAddr NextOfArea;

    /// <summary>The next link of the same anon_vma.</summary>
    [FieldOffset(24)]
    public PhysAddr NextOfAnonVma;

    /// <summary>The previous link of the same anon_vma.</summary>
    [FieldOffset(32)]
    public PhysAddr PreviousOfAnonVma;
}
