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

    /// <summary>What the latest <see cref="Run"/> took by a clock of the workload's own: where another process does the work, or where only a part of it counts.</summary>
    /// <param name="thread">0 to the case's thread count, less one.</param>
    /// <returns>Nanoseconds; null where the harness's clock is right.</returns>
    public long? OwnNanoseconds(int thread) => null;
}
