using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Mmsim.Walk;

/// <summary>Counts and prints what a scan meets.</summary>
internal readonly struct TreeVisitor : IDescriptorVisitor
{
    private readonly RangeWriter? writer;

    /// <summary>Joins a counter and, where wanted, a printer.</summary>
    public TreeVisitor(HalfCounts counts, RangeWriter? writer)
    {
        Counts = counts;
        this.writer = writer;
    }

    /// <summary>The counter.</summary>
    public HalfCounts Counts { get; }

    /// <inheritdoc/>
    public void Visit(in ScannedDescriptor entry)
    {
        Counts.Add(entry);
        if (entry.Kind == DescriptorKind.Leaf)
        {
            writer?.Add(entry);
        }
    }

    /// <inheritdoc/>
    public void VisitMissing(int level, VirtAddr address, PhysAddr table)
    {
        Counts.AddMissing(level);
        writer?.AddMissing(level, address, table);
    }

    /// <summary>Ends the last range.</summary>
    public void Finish() => writer?.Finish();
}
