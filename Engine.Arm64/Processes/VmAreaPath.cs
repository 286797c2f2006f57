using System.Runtime.CompilerServices;

namespace Engine.Arm64.Processes;

/// <summary>The way from a leaf (level 0) to the root of a <see cref="VmAreaTree"/>: a node's address and the slot taken, per level.</summary>
internal struct VmAreaPath
{
    /// <summary>More levels than the largest tree has: 65,530 VMAs in nodes filled to the least need eight.</summary>
    public const int LevelsMax = 10;

    /// <summary>The nodes' physical addresses by level.</summary>
    public Words Nodes;

    /// <summary>The slot taken in each node; -1 in a leaf whose VMAs all lie above.</summary>
    public Indexes Slots;

    /// <summary>Its levels; 0 where there is no way.</summary>
    public int Height;

    /// <summary>A word a level.</summary>
    [InlineArray(LevelsMax)]
    public struct Words
    {
        private ulong first;
    }

    /// <summary>An index a level.</summary>
    [InlineArray(LevelsMax)]
    public struct Indexes
    {
        private int first;
    }
}
