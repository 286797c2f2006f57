namespace Engine.Bench.Harness;

/// <summary>What is measured. The harness calls it in rounds: every thread prepares, all start together, the slowest one ends the round.</summary>
public interface IWorkload : IDisposable
{
    /// <summary>Brings this thread's part back to where a round starts. Not timed.</summary>
    /// <param name="thread">0 to the case's thread count, less one.</param>
    public void Prepare(int thread);

    /// <summary>One round of this thread's part. Timed.</summary>
    /// <param name="thread">0 to the case's thread count, less one.</param>
    /// <returns>How many operations it did.</returns>
    public long Run(int thread);

    /// <summary>Nanoseconds of this thread's last round that do not count: what had to be done between the parts that do.</summary>
    /// <param name="thread">0 to the case's thread count, less one.</param>
    public long UncountedNs(int thread) => 0;
}
