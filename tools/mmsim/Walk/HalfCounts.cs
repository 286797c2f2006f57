using System.Globalization;
using Engine.Arm64.Translation;

namespace Mmsim.Walk;

/// <summary>Descriptors of one half, counted by level and kind.</summary>
internal sealed class HalfCounts
{
    private const int LevelCount = 5;

    private readonly long[,] counts = new long[LevelCount, (int)DescriptorCount.Count];

    /// <summary>Starts at zero.</summary>
    public HalfCounts(bool isUpper) => IsUpper = isUpper;

    /// <summary>The half of TTBR1.</summary>
    public bool IsUpper { get; }

    /// <summary>How many of a kind at a level.</summary>
    /// <param name="level">-1..3.</param>
    /// <param name="kind">The kind.</param>
    public long this[int level, DescriptorCount kind] => counts[level + 1, (int)kind];

    /// <summary>Counts one descriptor.</summary>
    public void Add(in ScannedDescriptor entry)
    {
        DescriptorCount kind = entry.Kind switch
        {
            DescriptorKind.Table => DescriptorCount.Table,
            DescriptorKind.Leaf => entry.Level == TableFormat.LastLevel ? DescriptorCount.Page : DescriptorCount.Block,
            _ => entry.Descriptor.IsNone ? DescriptorCount.Zero : DescriptorCount.InvalidNonzero,
        };
        counts[entry.Level + 1, (int)kind]++;
        counts[entry.Level + 1, (int)DescriptorCount.Contiguous] += entry.RunShift > entry.EntryShift ? 1 : 0;
    }

    /// <summary>Counts a table that is not in the image.</summary>
    public void AddMissing(int level) => counts[level + 1, (int)DescriptorCount.MissingTable]++;

    /// <summary>The levels that have any descriptor, from the root down.</summary>
    public IEnumerable<int> Levels()
    {
        for (int level = -1; level < LevelCount - 1; level++)
        {
            for (DescriptorCount kind = 0; kind < DescriptorCount.Count; kind++)
            {
                if (this[level, kind] != 0)
                {
                    yield return level;
                    break;
                }
            }
        }
    }

    /// <summary>Prints a table.</summary>
    public void Print(TextWriter output)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        output.WriteLine($"---[ TTBR{(IsUpper ? 1 : 0)} ]---");
        output.WriteLine("level      tables      blocks       pages  contiguous        zero     invalid     missing");
        foreach (int level in Levels())
        {
            output.WriteLine(string.Create(
                culture,
                $"{level,5}{this[level, DescriptorCount.Table],12}{this[level, DescriptorCount.Block],12}{this[level, DescriptorCount.Page],12}{this[level, DescriptorCount.Contiguous],12}{this[level, DescriptorCount.Zero],12}{this[level, DescriptorCount.InvalidNonzero],12}{this[level, DescriptorCount.MissingTable],12}"));
        }
    }
}
