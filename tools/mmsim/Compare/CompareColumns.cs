using System.Globalization;

namespace Mmsim.Compare;

/// <summary>The figures that are compared, each the better the smaller it is.</summary>
internal static class CompareColumns
{
    /// <summary>A figure's key in CSV and JSON, its title in the table, its value (null where a variant has none), and how it is shown.</summary>
    public sealed record Column(string Key, string Title, Func<VariantResult, ulong?> Value, bool IsBytes = false)
    {
        /// <summary>A value as the table shows it.</summary>
        public string Show(ulong? value) => value is not ulong number ? "-"
            : IsBytes ? Cli.SizeText.Format(number) : number.ToString("N0", CultureInfo.InvariantCulture);
    }

    /// <summary>The columns for a comparison: the TLB levels are those of its cores.</summary>
    public static IReadOnlyList<Column> For(IReadOnlyList<VariantResult> results)
    {
        IEnumerable<string> levels = results.SelectMany(result => result.Run.Tlb.Select(level => level.Name)).Distinct().Order(StringComparer.Ordinal);
        return
        [
            .. levels.Select(level => new Column($"{level}_misses", $"{level} misses", result => result.MissesOf(level))),
            new Column("walks", "walks", result => result.Run.Walks),
            new Column("walk_reads", "walk reads", result => result.Run.DescriptorReads),
            new Column("cycles", "cycles", result => result.Cycles),
            new Column("faults_minor", "minor faults", result => result.Run.Faults.Minor),
            new Column("faults_major", "major faults", result => result.Run.Faults.Major),
            new Column("used_bytes", "used", result => result.UsedBytes, IsBytes: true),
            new Column("wasted_bytes", "wasted", result => result.WastedBytes, IsBytes: true),
        ];
    }

    /// <summary>The best value of a column: the smallest of the replays that reached the end; null where none did.</summary>
    public static ulong? BestOf(IReadOnlyList<VariantResult> results, Column column) =>
        results.Where(result => result.Run.EndedBecause is null).Min(column.Value);
}
