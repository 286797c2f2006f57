using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.Arm64.PageTables;

/// <summary>Empties every leaf, whatever it holds.</summary>
internal readonly struct LeafEraser : ILeafVisitor
{
    /// <inheritdoc/>
    public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
    {
        descriptor = Descriptor.None;
        return true;
    }
}
