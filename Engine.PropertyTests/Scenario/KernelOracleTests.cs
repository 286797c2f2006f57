using System.Globalization;
using Engine.PropertyTests.Support;
using Mmsim.Cli;
using Mmsim.Fuzz;
using Mmsim.Scenario;
using Xunit;

namespace Engine.PropertyTests.Scenario;

/// <summary>Random scripts on the engine and on this machine's kernel: the same answers, line for line.</summary>
public sealed class KernelOracleTests
{
    private const ulong UsualSeed = 618_001;
    private const int ScriptCount = 40;
    private const int ShrinkRunsMax = 150;
    private const int RepeatCount = 3;

    [KernelOracleFact]
    public void Random_scripts_get_the_kernels_answers()
    {
        using KernelOracle oracle = new();
        ulong first = FirstSeed();
        for (ulong seed = first; seed < first + ScriptCount; seed++)
        {
            IReadOnlyList<string> script = MakeScript(seed);
            if (FindDifference(oracle, script, AskModel) is null)
            {
                continue;
            }

            IReadOnlyList<string> smallest = SequenceShrinker.Shrink(script, shorter => FindDifference(oracle, shorter, AskModel) is not null, ShrinkRunsMax);
            Assert.Fail($"seed {seed}: {FindDifference(oracle, smallest, AskModel)}\n{string.Join('\n', smallest)}");
        }
    }

    [KernelOracleFact]
    public void A_planted_difference_is_found_and_shrunk_to_its_core()
    {
        using KernelOracle oracle = new();
        IReadOnlyList<string> script = MakeScript(UsualSeed);
        Assert.NotNull(FindDifference(oracle, script, AskWrongModel));
        IReadOnlyList<string> smallest = SequenceShrinker.Shrink(script, shorter => FindDifference(oracle, shorter, AskWrongModel) is not null, ShrinkRunsMax);
        Assert.Single(smallest);
        Assert.Contains("file", smallest[0], StringComparison.Ordinal);
    }

    private static List<string> MakeScript(ulong seed) => [.. SyscallScript.Make(seed).Where(line => !SyscallScript.DependsOnMachine(line))];

    private static ulong FirstSeed()
    {
        string? seed = Environment.GetEnvironmentVariable("ENGINE_SEED");
        return seed is null ? UsualSeed
            : seed == "random" ? (ulong)System.Security.Cryptography.RandomNumberGenerator.GetInt32(int.MaxValue) << 16
            : ulong.Parse(seed.Split(',')[0], CultureInfo.InvariantCulture);
    }

    private static List<string>? AskModel(IReadOnlyList<string> script)
    {
        List<string> lines = [];
        try
        {
            ScenarioRunner.Run("random", ScenarioParser.Parse("random", script), 1, lines.Add);
            return lines;
        }
        catch (InputException)
        {
            return null; // a name that only a line defines which was left out
        }
    }

    private static List<string>? AskWrongModel(IReadOnlyList<string> script) =>
        AskModel(script)?.ConvertAll(line => line.Replace("\"op\":\"file\",\"r\":\"ok\"", "\"op\":\"file\",\"r\":\"EIO\"", StringComparison.Ordinal));

    // The first line that differs; null where all are equal, or the kernel itself gives another answer from run to run up to there:
    // addresses that randomisation decides, input that has not ended yet.
    private static string? FindDifference(KernelOracle oracle, IReadOnlyList<string> script, Func<IReadOnlyList<string>, List<string>?> askModel)
    {
        if (askModel(script) is not { } model || oracle.Run(script) is not { } kernel)
        {
            return null;
        }

        int at = FirstDifference(kernel, model);
        for (int i = 0; at >= 0 && i < RepeatCount; i++)
        {
            int unsteady = FirstDifference(kernel, oracle.Run(script) ?? []);
            at = unsteady >= 0 && unsteady <= at ? -1 : at;
        }

        return at < 0 ? null : $"the kernel answers\n  {LineAt(kernel, at)}\nthe engine\n  {LineAt(model, at)}";
    }

    private static int FirstDifference(List<string> some, List<string> others)
    {
        for (int i = 0; i < Math.Max(some.Count, others.Count); i++)
        {
            if (LineAt(some, i) != LineAt(others, i))
            {
                return i;
            }
        }

        return -1;
    }

    private static string LineAt(List<string> lines, int index) => index < lines.Count ? lines[index] : "(nothing)";
}
