using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.Arm64.PageTables;

/// <summary>Makes present leaves read-only.</summary>
internal readonly struct WriteProtector : ILeafVisitor
{
    /// <inheritdoc/>
    public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
    {
        descriptor = descriptor.IsPresent ? descriptor.WriteProtect() : descriptor;
        return true;
    }
}
