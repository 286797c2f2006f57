using System.Globalization;
using System.Text;

namespace Mmsim.Scenario;

/// <summary>Writes the lines of a scenario's output: one JSON object each, no blanks, keys in the order in which they are given.</summary>
internal sealed class ScenarioWriter
{
    private readonly StringBuilder line = new();
    private readonly Action<string> sink;

    /// <param name="sink">Gets each finished line, without its end.</param>
    public ScenarioWriter(Action<string> sink) => this.sink = sink;

    public ScenarioWriter Begin(ScenarioOperation operation, string? word = null)
    {
        line.Clear();
        line.Append(CultureInfo.InvariantCulture, $"{{\"l\":{operation.Line}");
        if (operation.Process is not null)
        {
            Add("p", operation.Process);
        }

        return Add("op", word ?? operation.Word);
    }

    public ScenarioWriter Add(string key, string value)
    {
        line.Append(CultureInfo.InvariantCulture, $",\"{key}\":\"{value}\"");
        return this;
    }

    public ScenarioWriter Add(string key, long value)
    {
        line.Append(CultureInfo.InvariantCulture, $",\"{key}\":{value}");
        return this;
    }

    public ScenarioWriter Add(string key, IEnumerable<int> values)
    {
        line.Append(CultureInfo.InvariantCulture, $",\"{key}\":[").AppendJoin(',', values).Append(']');
        return this;
    }

    public void End() => sink(line.Append('}').ToString());
}
