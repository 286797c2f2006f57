using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.Arm64.PageTables;

/// <summary>
/// What is done with each leaf of a range. Implement it in a struct: the walk is then compiled for that struct,
/// without a virtual call and without managed allocation.
/// </summary>
public interface ILeafVisitor
{
    /// <summary>Called for each entry that is not empty: pages, blocks, and swap entries, ascending.</summary>
    /// <param name="address">The first byte that the leaf translates; for a block it may lie below the range's start.</param>
    /// <param name="level">The leaf's level: 3 for a page, 2 or 1 for a block.</param>
    /// <param name="descriptor">The entry itself, in the table: assign to it to change or to clear it.</param>
    /// <returns>False to end the walk.</returns>
    public bool Visit(VirtAddr address, int level, ref Descriptor descriptor);
}
