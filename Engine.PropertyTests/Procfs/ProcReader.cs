// Reads the formats as proc(5) describes them, knowing nothing of the code that writes them.

using System.Globalization;
using System.Text.RegularExpressions;
using Xunit;

namespace Engine.PropertyTests.Procfs;

/// <summary>An independent reader of process views.</summary>
internal static partial class ProcReader
{
    /// <summary>Where a name begins in a line of <c>maps</c>.</summary>
    public const int NameColumn = 73;

    /// <summary>Reads <c>maps</c> or <c>smaps</c>.</summary>
    public static List<ProcEntry> Parse(string text)
    {
        List<ProcEntry> entries = [];
        Assert.True(text.Length == 0 || text[^1] == '\n', "the last line ends");
        foreach (string line in text.Split('\n')[..^1])
        {
            if (EntryLine().Match(line) is { Success: true } entry)
            {
                entries.Add(ToEntry(line, entry));
            }
            else if (line.StartsWith("VmFlags: ", StringComparison.Ordinal))
            {
                entries[^1].Flags = line["VmFlags: ".Length..];
            }
            else
            {
                Match value = ValueLine().Match(line);
                Assert.True(value.Success, line);
                entries[^1].Values.Add(value.Groups[1].Value, ulong.Parse(value.Groups[2].Value, CultureInfo.InvariantCulture));
            }
        }

        return entries;
    }

    /// <summary>The labels of lines <c>label: value</c>, in order.</summary>
    public static List<string> LabelsOf(string text) => [.. text.Split('\n').Where(line => line.Contains(':', StringComparison.Ordinal)).Select(LabelOf)];

    /// <summary>The text before the colon.</summary>
    public static string LabelOf(string line) => line.Split(':')[0];

    /// <summary>A line with its numbers, and the blanks before them, made the same.</summary>
    public static string ShapeOf(string line) => Number().Replace(line, number => new string('#', number.Length));

    private static ProcEntry ToEntry(string line, Match entry)
    {
        string name = entry.Groups["name"].Value;
        if (name.Length > 0)
        {
            Assert.Equal(Math.Max(NameColumn, line.Length - name.Length), line.Length - name.Length);
        }

        return new ProcEntry(
            Hex(entry, "start"), Hex(entry, "end"), entry.Groups["access"].Value, Hex(entry, "offset"), entry.Groups["device"].Value,
            ulong.Parse(entry.Groups["inode"].Value, CultureInfo.InvariantCulture), name);
    }

    private static ulong Hex(Match entry, string group) => ulong.Parse(entry.Groups[group].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    [GeneratedRegex("^(?<start>[0-9a-f]{8,16})-(?<end>[0-9a-f]{8,16}) (?<access>[r-][w-][x-][sp]) (?<offset>[0-9a-f]{8,16}) (?<device>[0-9a-f]{2,}:[0-9a-f]{2,}) (?<inode>[0-9]+) ( *(?<name>[^ ].*))?$")]
    private static partial Regex EntryLine();

    [GeneratedRegex("^([A-Za-z_]+): +([0-9]+)( kB)?$")]
    private static partial Regex ValueLine();

    [GeneratedRegex(" *[0-9]+")]
    private static partial Regex Number();
}
