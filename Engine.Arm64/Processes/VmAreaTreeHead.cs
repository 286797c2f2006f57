using System.Runtime.InteropServices;

namespace Engine.Arm64.Processes;

/// <summary>The root of a <see cref="VmAreaTree"/>: the role of <c>mm->mm_mt</c>, in the arena.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct VmAreaTreeHead
{
    /// <summary>The root node's physical address; meaningless while <see cref="Height"/> is 0.</summary>
    public ulong Root;

    /// <summary>Levels of nodes; 0 for an empty tree.</summary>
    public int Height;

    /// <summary>VMAs in the tree (<c>map_count</c>).</summary>
    public int Count;
}
