// Model-based properties over sequences of operations, on FsCheck's stable generator API.
//
// A test gives a generator of single operations and a function that runs a sequence on the engine and on a
// naive model side by side, and throws where they differ. FsCheck makes random sequences, and shrinks a failing one
// by leaving operations out and by making single operations simpler. (FsCheck's own state-machine API is marked
// experimental; this file is the only place that would change if it were adopted.)
//
// A run without settings always takes the same seed, so that a green state stays green. ENGINE_SEED=random takes a new one
// (for hunting); every failure message carries FsCheck's seed, and ENGINE_SEED=<seed>,<gamma> replays it.

using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using Xunit.Sdk;

namespace Engine.PropertyTests.Support;

/// <summary>Runs random operation sequences against a model.</summary>
internal static class ModelProperty
{
    private const string UsualSeed = "6009,2026110001";

    /// <summary>Checks that no random sequence makes <paramref name="run"/> throw.</summary>
    /// <param name="operation">Makes one operation.</param>
    /// <param name="run">Runs a sequence from a fresh start; throws at the first difference.</param>
    /// <param name="tests">How many sequences.</param>
    /// <param name="length">About how long the longest is.</param>
    /// <param name="shrink">Simpler forms of one operation, or null.</param>
    public static void Check<TOperation>(
        Gen<TOperation> operation,
        Action<IReadOnlyList<TOperation>> run,
        int tests = 100,
        int length = 200,
        Func<TOperation, IEnumerable<TOperation>>? shrink = null) =>
        FsCheck.Check.One(Configure(tests, length), MakeProperty(operation, run, shrink));

    /// <summary>Checks that some random sequence makes <paramref name="run"/> throw: the planted bug is caught.</summary>
    public static void MustFail<TOperation>(
        Gen<TOperation> operation,
        Action<IReadOnlyList<TOperation>> run,
        int tests = 100,
        int length = 200)
    {
        try
        {
            FsCheck.Check.One(Configure(tests, length), MakeProperty(operation, run, null));
        }
        catch (Exception caught) when (caught is not XunitException)
        {
            return;
        }

        throw new XunitException("the planted bug was not caught: this property cannot fail");
    }

    private static Property MakeProperty<TOperation>(
        Gen<TOperation> operation, Action<IReadOnlyList<TOperation>> run, Func<TOperation, IEnumerable<TOperation>>? shrink)
    {
        Arbitrary<TOperation[]> sequences = Arb.From(operation.ArrayOf(), sequence => ShrinkSequence(sequence, shrink));
        return Prop.ForAll(sequences, sequence =>
        {
            run(sequence);
            return true;
        });
    }

    // Large pieces first: halves, quarters, … single operations; then simpler operations in place.
    private static IEnumerable<TOperation[]> ShrinkSequence<TOperation>(TOperation[] sequence, Func<TOperation, IEnumerable<TOperation>>? shrink)
    {
        for (int piece = sequence.Length; piece >= 1; piece /= 2)
        {
            for (int start = 0; start + piece <= sequence.Length; start += piece)
            {
                yield return [.. sequence[..start], .. sequence[(start + piece)..]];
            }
        }

        for (int i = 0; shrink is not null && i < sequence.Length; i++)
        {
            foreach (TOperation simpler in shrink(sequence[i]))
            {
                TOperation[] copy = [.. sequence];
                copy[i] = simpler;
                yield return copy;
            }
        }
    }

    private static Config Configure(int tests, int length)
    {
        Config config = Config.QuickThrowOnFailure.WithMaxTest(tests).WithEndSize(length);
        string seed = Environment.GetEnvironmentVariable("ENGINE_SEED") ?? UsualSeed;
        if (seed == "random")
        {
            return config;
        }

        ulong[] parts = [.. seed.Split(',').Select(part => ulong.Parse(part, CultureInfo.InvariantCulture))];
        return config.WithReplay(parts[0], parts[1]);
    }
}
