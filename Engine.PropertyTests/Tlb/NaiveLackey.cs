using System.Globalization;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.PropertyTests.Tlb;

/// <summary>Reads lackey text the simplest way: the test's own eyes, independent of the engine's reader.</summary>
internal static class NaiveLackey
{
    /// <summary>All records of a trace compressed by zstd.</summary>
    public static Access[] Read(string path)
    {
        using FileStream file = File.OpenRead(path);
        using ZstdSharp.DecompressionStream stream = new(file);
        using StreamReader reader = new(stream);
        List<Access> records = [];
        while (reader.ReadLine() is string line)
        {
            if (line.Length > 4 && line[2] == ' ' && line[0] is 'I' or ' ' && Parse(line) is Access access)
            {
                records.Add(access);
            }
        }

        return [.. records];
    }

    private static Access? Parse(string line)
    {
        AccessKind? kind = line[..3] switch
        {
            "I  " => AccessKind.Fetch,
            " L " => AccessKind.Load,
            " S " => AccessKind.Store,
            " M " => AccessKind.Modify,
            _ => null,
        };
        int comma = line.IndexOf(',', StringComparison.Ordinal);
        return kind is null || comma < 0
            ? null
            : new Access(
                new VirtAddr(ulong.Parse(line.AsSpan(3, comma - 3), NumberStyles.HexNumber, CultureInfo.InvariantCulture)),
                int.Parse(line.AsSpan(comma + 1), CultureInfo.InvariantCulture),
                kind.Value);
    }
}
