namespace Engine.Core.Diagnostics;

/// <summary>
/// The one channel through which every inconsistency in the arena is reported.
/// Several CPUs may report at once; reporting is never on a hot path.
/// </summary>
public sealed class CorruptionLog
{
    /// <summary>Findings kept; later ones are only counted.</summary>
    public const int KeptMax = 4096;

    private readonly List<Corruption> items = [];
    private readonly Lock gate = new();
    private long count;

    /// <summary>Whether the first finding throws a <see cref="CorruptionException"/>. Otherwise findings are recorded and the engine goes on.</summary>
    public bool StopAtFirst { get; set; }

    /// <summary>How many findings were reported.</summary>
    public long Count => Volatile.Read(ref count);

    /// <summary>A copy of the findings kept so far, oldest first.</summary>
    public IReadOnlyList<Corruption> Items
    {
        get
        {
            lock (gate)
            {
                return [.. items];
            }
        }
    }

    /// <summary>Records a finding.</summary>
    /// <param name="corruption">What was found.</param>
    /// <exception cref="CorruptionException"><see cref="StopAtFirst"/> is set.</exception>
    public void Report(in Corruption corruption)
    {
        lock (gate)
        {
            count++;
            if (items.Count < KeptMax)
            {
                items.Add(corruption);
            }
        }

        if (StopAtFirst)
        {
            throw new CorruptionException(corruption);
        }
    }

    /// <summary>Forgets all findings.</summary>
    public void Clear()
    {
        lock (gate)
        {
            count = 0;
            items.Clear();
        }
    }
}
