using System.Runtime.InteropServices;
using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <summary>
/// What a private page belongs to, so that every mapping of it is found (<c>struct anon_vma</c>, include/linux/rmap.h); in the arena.
/// A page keeps the anon_vma of the process that made it; the VMAs of that process and of its descendants are chained to it.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = SizeBytes)]
public struct AnonVma
{
    /// <summary>Bytes in an anon_vma.</summary>
    public const int SizeBytes = 64;

    /// <summary>The oldest ancestor; itself where there is none.</summary>
    [FieldOffset(0)]
    public AnonVmaRef Root;

    /// <summary>The parent process's; itself where there is none.</summary>
    [FieldOffset(8)]
    public AnonVmaRef Parent;

    /// <summary>The first of the <see cref="AnonVmaChain"/> links of its VMAs; all ones where there is none.</summary>
    [FieldOffset(16)]
    public PhysAddr Chain;

    /// <summary>anon_vmas whose parent this is; a root counts itself (<c>num_children</c>).</summary>
    [FieldOffset(24)]
    public int ChildCount;

    /// <summary>VMAs whose <see cref="VmArea.AnonVma"/> this is (<c>num_active_vmas</c>).</summary>
    [FieldOffset(28)]
    public int ActiveVmaCount;

    /// <summary>1 while it is chained to a VMA, and 1 for each descendant that has it as its root.</summary>
    [FieldOffset(32)]
    public int RefCount;
}
