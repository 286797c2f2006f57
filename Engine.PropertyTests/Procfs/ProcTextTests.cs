using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Engine.Core.Diagnostics.Procfs;
using Engine.PropertyTests.Support;
using Mmsim.Kmem;
using Xunit;

namespace Engine.PropertyTests.Procfs;

/// <summary>Each file's lines, byte for byte: a real machine's values through the same writers give the real machine's text.</summary>
public sealed partial class ProcTextTests
{
    [Fact]
    public void Lines_have_the_kernels_columns()
    {
        StringBuilder text = new();
        BuddyInfoText.AppendZone(text, 0, "DMA", [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 3]);
        BuddyInfoText.AppendZone(text, 12, "Normal", [7282, 2540, 4022, 686, 265, 160, 81, 1034, 1494, 816, 1234567]);
        PageTypeInfoText.AppendHeader(text);
        PageTypeInfoText.AppendFreeRow(text, 0, "DMA32", "Movable", [1, 1, 4, 2, 5, 4, 3, 3, 4, 2, 100000]);
        PageTypeInfoText.AppendPageBlockRow(text, 0, "Normal", [221, 5634, 289, 0, 0]);
        MemInfoText.AppendKilobytes(text, "MemTotal", 24684084);
        MemInfoText.AppendKilobytes(text, "VmallocTotal", 34359738367);
        MemInfoText.AppendCount(text, "HugePages_Total", 0);
        VmStatText.AppendItem(text, "nr_free_pages", 2425540);
        Assert.Equal(
            "Node 0, zone      DMA      0      0      0      0      0      0      0      0      1      1      3 \n"
            + "Node 12, zone   Normal   7282   2540   4022    686    265    160     81   1034   1494    816 1234567 \n"
            + "Free pages count per migrate type at order       0      1      2      3      4      5      6      7      8      9     10 \n"
            + "Node    0, zone    DMA32, type      Movable      1      1      4      2      5      4      3      3      4      2 >100000 \n"
            + "Node 0, zone   Normal          221         5634          289            0            0 \n"
            + "MemTotal:       24684084 kB\n"
            + "VmallocTotal:   34359738367 kB\n"
            + "HugePages_Total:       0\n"
            + "nr_free_pages 2425540\n",
            text.ToString());
    }

    [SharedDataFact(RecordedProc.Archive)]
    public void Buddyinfo_of_a_real_machine_is_reproduced()
    {
        string real = RecordedProc.Read("before/buddyinfo");
        StringBuilder text = new();
        foreach (Match row in BuddyRow().Matches(real))
        {
            BuddyInfoText.AppendZone(text, Int(row, "node"), row.Groups["zone"].Value, Numbers(row));
        }

        Assert.Equal(real, text.ToString());
    }

    [SharedDataFact(RecordedProc.Archive)]
    public void Pagetypeinfo_of_a_real_machine_is_reproduced()
    {
        string real = RecordedProc.Read("before/pagetypeinfo");
        StringBuilder text = new("Page block order: 9\nPages per block:  512\n\n");
        PageTypeInfoText.AppendHeader(text);
        foreach (Match row in FreeRow().Matches(real))
        {
            PageTypeInfoText.AppendFreeRow(text, Int(row, "node"), row.Groups["zone"].Value, row.Groups["type"].Value, Numbers(row));
        }

        Assert.StartsWith(text.ToString(), real, StringComparison.Ordinal);
        foreach (Match row in BuddyRow().Matches(real[text.Length..]))
        {
            text.Clear();
            PageTypeInfoText.AppendPageBlockRow(text, Int(row, "node"), row.Groups["zone"].Value, Numbers(row));
            Assert.Contains("\n" + text, real, StringComparison.Ordinal);
        }
    }

    [SharedDataFact(RecordedProc.Archive)]
    public void Every_line_of_the_models_meminfo_and_vmstat_has_the_real_form_and_order()
    {
        using ModelMemory model = ModelMemory.Boot(64 << 20, 2);
        foreach (string name in new[] { "meminfo", "vmstat" })
        {
            Assert.True(model.Procfs.TryRead(name, out string text));
            List<string> real = [.. RecordedProc.Read($"before/{name}").Split('\n').Select(Form)];
            string[] shared = [.. text.Split('\n').Select(Form).Where(real.Contains)];
            Assert.Equal(shared.OrderBy(real.IndexOf), shared);
            Assert.True(shared.Length > text.Split('\n').Length * 8 / 10, $"{name}: {shared.Length} lines alike");
        }
    }

    // The label, the unit, and where a padded number ends; a number too long for its width ends further right.
    private static string Form(string line)
    {
        Match number = LastNumber().Match(line);
        int end = number.Index + number.Length;
        string place = line.Contains(": ", StringComparison.Ordinal) && number.Length <= 8 + 16 ? $"#{end}" : "";
        return number.Success ? line[..number.Index] + place + line[end..] : line;
    }

    private static int Int(Match row, string group) => int.Parse(row.Groups[group].Value, CultureInfo.InvariantCulture);

    private static long[] Numbers(Match row) =>
        [.. row.Groups["numbers"].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(text => long.Parse(text.TrimStart('>'), CultureInfo.InvariantCulture))];

    [GeneratedRegex(@"^Node (?<node>\d+), zone +(?<zone>\w+)(?<numbers>[ \d]+)$", RegexOptions.Multiline)]
    private static partial Regex BuddyRow();

    [GeneratedRegex(@"^Node +(?<node>\d+), zone +(?<zone>\w+), type +(?<type>\w+)(?<numbers>[ \d>]+)$", RegexOptions.Multiline)]
    private static partial Regex FreeRow();

    [GeneratedRegex(@" *\d+(?= kB$|$)")]
    private static partial Regex LastNumber();
}
