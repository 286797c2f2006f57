using System.Globalization;
using Engine.Bench.Harness;

namespace Engine.Bench.Frames;

/// <summary>Which cases are wanted: <c>workload[:order[:memory[:threads]]]</c>, several separated by commas; nothing is all.</summary>
internal sealed class Selection
{
    private readonly string[][] wanted;

    private Selection(string[][] wanted) => this.wanted = wanted;

    /// <summary>Reads a selection such as <c>repeat-half,churn512-50:0:8G</c>; an empty part matches everything.</summary>
    public static Selection Parse(string? text) => new([.. (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries).Select(one => one.Split(':'))]);

    /// <summary>Whether a case is selected.</summary>
    public bool Includes(WorkloadCase one)
    {
        string[] names = [one.Workload, one.OrderOrSize, one.Memory, one.Threads.ToString(CultureInfo.InvariantCulture)];
        return wanted.Length == 0 || wanted.Any(parts => parts.Select((part, i) => part.Length == 0 || part == names[Math.Min(i, 3)]).All(match => match));
    }
}
