namespace Engine.Bench.Harness;

/// <summary>A family of throughput measurements: one name on the command line.</summary>
public interface ISuite
{
    /// <summary>The name on the command line and in the CSV's first column.</summary>
    public string Name { get; }

    /// <summary>One line for <c>--help</c>.</summary>
    public string Description { get; }

    /// <summary>
    /// Whether it is measured as an embedding program runs by default: compiled in tiers, the last one with a profile of the calls that were
    /// made. Otherwise all is compiled once, in full, before it first runs: what long loops with few calls need.
    /// </summary>
    public bool IsTiered => false;

    /// <summary>Measures through <see cref="SuiteContext.Measure"/>; the harness prints what was measured.</summary>
    public void Run(SuiteContext context);
}
