// Reads a real machine's /proc/zoneinfo. Newer kernels print more than v6.9 (promo, high_min, high_max, further counters):
// any line of a name and a number is accepted, and the zone's layout must be there.

using System.Globalization;

namespace Engine.Core.Diagnostics.Procfs;

/// <summary>A recorded <c>/proc/zoneinfo</c>.</summary>
public sealed class ZoneInfoFile
{
    private static readonly HashSet<string> PageLabels = new(
        ["pages free", "boost", "min", "low", "high", "promo", "spanned", "present", "managed", "cma"], StringComparer.Ordinal);

    private readonly List<RecordedZone> zones = [];
    private readonly Dictionary<int, Dictionary<string, ulong>> nodeCounters = [];
    private bool isInNode;
    private RecordedPerCpu? perCpu;

    private ZoneInfoFile()
    {
    }

    /// <summary>The zones in the file's order, those without memory included.</summary>
    public IReadOnlyList<RecordedZone> Zones => zones;

    /// <summary>The per-node counters by node.</summary>
    public IReadOnlyDictionary<int, Dictionary<string, ulong>> NodeCounters => nodeCounters;

    /// <summary>One more than the largest CPU number; at least 1.</summary>
    public int CpuCount => zones.SelectMany(zone => zone.PerCpu).Select(lists => lists.Cpu + 1).DefaultIfEmpty(1).Max();

    /// <summary>Reads the text.</summary>
    /// <exception cref="ProcFormatException">The text is not that of a <c>/proc/zoneinfo</c>.</exception>
    public static ZoneInfoFile Parse(TextReader reader)
    {
        ZoneInfoFile file = new();
        int line = 0;
        while (reader.ReadLine() is { } text)
        {
            file.Add(text, ++line);
        }

        if (file.zones.Count == 0)
        {
            throw new ProcFormatException(Math.Max(line, 1), "there is no zone", "'Node 0, zone   Normal'");
        }

        foreach (RecordedZone zone in file.zones)
        {
            Check(zone);
        }

        return file;
    }

    private static void Check(RecordedZone zone)
    {
        if (zone.ManagedPages > zone.PresentPages || zone.PresentPages > zone.SpannedPages)
        {
            throw new ProcFormatException(
                zone.Line, $"zone {zone.Name} has managed {zone.ManagedPages}, present {zone.PresentPages}, spanned {zone.SpannedPages}",
                "managed at most present, present at most spanned");
        }

        if (zone.PresentPages > 0 && !zone.Counters.ContainsKey("start_pfn"))
        {
            throw new ProcFormatException(zone.Line, $"zone {zone.Name} has memory, but no start_pfn", "a line 'start_pfn: N'");
        }
    }

    private void Add(string text, int line)
    {
        if (text.StartsWith("Node ", StringComparison.Ordinal))
        {
            AddZone(text, line);
            return;
        }

        string trimmed = text.Trim();
        if (trimmed.Length == 0)
        {
            return;
        }

        if (zones.Count == 0)
        {
            throw new ProcFormatException(line, $"'{Shorten(trimmed)}' comes before the first zone", "'Node 0, zone   Normal'");
        }

        if (trimmed == "per-node stats")
        {
            isInNode = true;
        }
        else if (trimmed.StartsWith("protection:", StringComparison.Ordinal))
        {
            zones[^1].Protection = ParseProtection(trimmed, line);
        }
        else if (trimmed != "pagesets")
        {
            AddNumber(trimmed, line);
        }
    }

    private void AddZone(string text, int line)
    {
        int comma = text.IndexOf(", zone ", StringComparison.Ordinal);
        string name = comma < 0 ? "" : text[(comma + ", zone ".Length)..].Trim();
        if (name.Length == 0
            || !int.TryParse(text.AsSpan(5, comma - 5), NumberStyles.None, CultureInfo.InvariantCulture, out int node) || node > 1023)
        {
            throw new ProcFormatException(line, $"'{Shorten(text)}' names no zone", "'Node 0, zone   Normal'");
        }

        zones.Add(new RecordedZone { Node = node, Name = name, Line = line });
        isInNode = false;
        perCpu = null;
    }

    private void AddNumber(string trimmed, int line)
    {
        int blank = trimmed.LastIndexOfAny([' ', '\t']);
        string label = blank < 0 ? "" : trimmed[..blank].TrimEnd().TrimEnd(':');
        if (label.Length == 0 || !ulong.TryParse(trimmed.AsSpan(blank + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ulong value))
        {
            throw new ProcFormatException(line, $"'{Shorten(trimmed)}' is no counter", "a name and a number");
        }

        RecordedZone zone = zones[^1];
        if (label == "cpu")
        {
            perCpu = new RecordedPerCpu { Cpu = value <= 4095 ? (int)value : throw new ProcFormatException(line, $"CPU {value}", "at most 4095") };
            zone.PerCpu.Add(perCpu);
        }
        else if (perCpu is not null && TrySetPerCpu(perCpu, label, value))
        {
            return;
        }
        else if (perCpu is null && PageLabels.Contains(label))
        {
            isInNode = false;
            zone.Pages[label] = value;
        }
        else if (isInNode)
        {
            nodeCounters.TryAdd(zone.Node, new Dictionary<string, ulong>(StringComparer.Ordinal));
            nodeCounters[zone.Node][label] = value;
        }
        else
        {
            zone.Counters[label] = value;
        }
    }

    private static bool TrySetPerCpu(RecordedPerCpu lists, string label, ulong value)
    {
        switch (label)
        {
            case "count":
                lists.Count = value;
                return true;
            case "high":
                lists.High = value;
                return true;
            case "batch":
                lists.Batch = value;
                return true;
            case "high_min":
                lists.HighMin = value;
                return true;
            case "high_max":
                lists.HighMax = value;
                return true;
            case "vm stats threshold":
                lists.StatThreshold = value;
                return true;
            default:
                return false;
        }
    }

    // A line of what is no zoneinfo may be of any length.
    private static string Shorten(string text) => text.Length <= 60 ? text : text[..60] + "...";

    private static ulong[] ParseProtection(string trimmed, int line)
    {
        string list = trimmed["protection:".Length..].Trim();
        string[] parts = list.TrimStart('(').TrimEnd(')').Split(',');
        ulong[] pages = new ulong[parts.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            if (!ulong.TryParse(parts[i].Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out pages[i]))
            {
                throw new ProcFormatException(line, $"'{Shorten(trimmed)}' is no protection", "'protection: (0, 0, 0, 0)'");
            }
        }

        return pages;
    }
}
