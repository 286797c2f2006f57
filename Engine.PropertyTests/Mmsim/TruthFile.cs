using System.Globalization;

namespace Engine.PropertyTests.MmsimTests;

/// <summary>What independent programs counted in a trace: lines of <c>key,value</c>.</summary>
internal sealed class TruthFile
{
    private readonly Dictionary<string, long> values;

    public TruthFile(string path) =>
        values = File.ReadLines(path).Select(line => line.Split(',')).ToDictionary(parts => parts[0], parts => long.Parse(parts[1], CultureInfo.InvariantCulture));

    public long this[string key] => values[key];
}
