using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.Arm64.PageTables;

/// <summary>Applies a <see cref="LeafChange"/> to present leaves.</summary>
internal readonly struct LeafChanger(LeafChange change) : ILeafVisitor
{
    /// <inheritdoc/>
    public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
    {
        if (descriptor.IsPresent)
        {
            descriptor = change switch
            {
                LeafChange.MarkYoung => descriptor.MakeYoung(),
                LeafChange.MarkOld => descriptor.MakeOld(),
                LeafChange.MarkDirty => descriptor.MakeDirty(),
                _ => descriptor.MakeClean(),
            };
        }

        return true;
    }
}
