namespace Mmsim.Fuzz;

/// <summary>Finds a small part of a failing sequence that still fails: leaves out ever smaller pieces while the failure stays (delta debugging).</summary>
public static class SequenceShrinker
{
    /// <summary>Shrinks a sequence.</summary>
    /// <param name="failing">A sequence for which <paramref name="fails"/> is true.</param>
    /// <param name="fails">Runs a sequence from a fresh start; whether it fails.</param>
    /// <param name="runsMax">At most this many runs.</param>
    public static IReadOnlyList<T> Shrink<T>(IReadOnlyList<T> failing, Func<IReadOnlyList<T>, bool> fails, int runsMax = 2000)
    {
        List<T> best = [.. failing];
        int runs = 0;
        for (int piece = Math.Max(1, best.Count / 2); piece >= 1 && runs < runsMax;)
        {
            bool isSmaller = false;
            for (int start = 0; start < best.Count && runs < runsMax;)
            {
                List<T> candidate = [.. best.Take(start), .. best.Skip(start + piece)];
                runs++;
                if (fails(candidate))
                {
                    best = candidate;
                    isSmaller = true;
                }
                else
                {
                    start += piece;
                }
            }

            piece = piece == 1 && isSmaller ? 1 : piece / 2;
        }

        return best;
    }
}
