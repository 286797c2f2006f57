namespace Engine.Bench.Harness;

/// <summary>A family of throughput measurements: one name on the command line.</summary>
public interface ISuite
{
    /// <summary>The name on the command line and in the CSV's first column.</summary>
    public string Name { get; }

    /// <summary>One line for <c>--help</c>.</summary>
    public string Description { get; }

    /// <summary>Measures through <see cref="SuiteContext.Measure"/>; the harness prints what was measured.</summary>
    public void Run(SuiteContext context);
}
