using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.Arm64.PageTables;

/// <summary>Empties page entries, and counts them; blocks stay.</summary>
internal struct PageEraser : ILeafVisitor
{
    /// <summary>Entries emptied.</summary>
    public int Count;

    /// <inheritdoc/>
    public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
    {
        if (level == TableFormat.LastLevel)
        {
            descriptor = Descriptor.None;
            Count++;
        }

        return true;
    }
}
