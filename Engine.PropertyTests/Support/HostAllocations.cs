namespace Engine.PropertyTests.Support;

/// <summary>Managed memory that a piece of work takes on the calling thread.</summary>
internal static class HostAllocations
{
    private const int Rounds = 8;

    /// <summary>
    /// The least bytes that one of several rounds took. Work that allocates does so in every round; a collection that another test
    /// causes makes the runtime count the thread's unused allocation buffer (8 KiB) once, and spoils a round, not all.
    /// </summary>
    public static long LeastOf(Action round)
    {
        round();
        long least = long.MaxValue;
        for (int i = 0; i < Rounds && least > 0; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            round();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
