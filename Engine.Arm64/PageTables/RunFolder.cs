using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.Arm64.PageTables;

/// <summary>Tries to fold each run whose last page a walk meets.</summary>
internal readonly struct RunFolder<TGeometry>(PageTree<TGeometry> tree) : ILeafVisitor
    where TGeometry : struct, ITableGeometry
{
    /// <inheritdoc/>
    public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
    {
        if (level == TableFormat.LastLevel && descriptor.IsValid && !descriptor.IsContiguous)
        {
            tree.TryFoldAt(address);
        }

        return true;
    }
}
