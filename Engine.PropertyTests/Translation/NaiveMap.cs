using System.Globalization;

namespace Engine.PropertyTests.Translation;

/// <summary>The lines of a map under construction: neighbours with equal attributes become one.</summary>
internal sealed class NaiveMap(string granule, bool isWide, bool isUpper, int startLevel, int outputSize)
{
    private string? attributes;
    private int index;
    private int level;
    private ulong start;
    private ulong end;

    public string Granule => granule;

    public bool IsWide => isWide;

    public bool IsUpper => isUpper;

    public int OutputSize => outputSize;

    public List<string> Lines { get; } = [];

    public SortedDictionary<string, int> Counts { get; } = [];

    public void Count(int level, string kind) => Counts[$"level{level} {kind}"] = Counts.GetValueOrDefault($"level{level} {kind}") + 1;

    public void AddLeaf(ulong va, int shift, int leafLevel, string leafAttributes, int attributeIndex)
    {
        if (leafAttributes != attributes || attributeIndex != index || leafLevel != level || va != end)
        {
            CloseRange();
            (attributes, index, level, start) = (leafAttributes, attributeIndex, leafLevel, va);
        }

        end = unchecked(va + (1UL << shift));
    }

    public void CloseRange()
    {
        if (attributes is not null)
        {
            string name = level == startLevel ? "PGD" : level switch { 0 => "P4D", 1 => "PUD", 2 => "PMD", _ => "PTE" };
            Lines.Add(string.Create(CultureInfo.InvariantCulture, $"0x{start:x16}-0x{end:x16} {Size(unchecked(end - start)),10} {name} {attributes}"));
        }

        attributes = null;
    }

    // The largest unit that leaves a whole number.
    private static string Size(ulong bytes)
    {
        ulong[] units = [1UL << 60, 1UL << 50, 1UL << 40, 1UL << 30, 1UL << 20, 1UL << 10];
        int unit = Array.FindIndex(units, size => bytes % size == 0);
        return string.Create(CultureInfo.InvariantCulture, $"{bytes / units[unit]}{"EPTGMK"[unit]}");
    }
}
