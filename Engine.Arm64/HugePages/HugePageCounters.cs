namespace Engine.Arm64.HugePages;

/// <summary>Counts of what happened to large folios on a machine. CPUs of different threads count together.</summary>
public sealed class HugePageCounters
{
    private readonly long[] counts = new long[(int)HugePageEvent.ZeroPageAllocationFailed + 1];

    /// <summary>How often something happened.</summary>
    public long this[HugePageEvent kind] => Interlocked.Read(ref counts[(int)kind]);

    internal void Add(HugePageEvent kind) => Interlocked.Increment(ref counts[(int)kind]);
}
