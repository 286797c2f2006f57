using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.Arm64.PageTables;

/// <summary>Changes the protection of present leaves (<c>pte_modify</c>). A leaf in a run stays there unless it loses all access.</summary>
internal readonly struct LeafProtector(PageAttributes attributes) : ILeafVisitor
{
    /// <inheritdoc/>
    public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
    {
        if (descriptor.IsPresent)
        {
            Descriptor modified = descriptor.Modify(attributes);
            descriptor = modified.IsValid ? modified : modified.MakeNonContiguous();
        }

        return true;
    }
}
