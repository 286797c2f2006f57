namespace Engine.Arm64.Translation;

/// <summary>What is done with each descriptor of a whole tree. Implement it in a struct.</summary>
public interface IDescriptorVisitor
{
    /// <summary>Called for every descriptor of every table, tables before what lies below them.</summary>
    /// <param name="entry">The descriptor and its place.</param>
    public void Visit(in ScannedDescriptor entry);

    /// <summary>Called where a table, or a part of it, is not in memory: once for each such table, at its first hole.</summary>
    /// <param name="level">The level of the table that is missing.</param>
    /// <param name="address">The first input address that the hole would translate.</param>
    /// <param name="table">Its physical address.</param>
    public void VisitMissing(int level, Units.VirtAddr address, Core.Units.PhysAddr table);
}
