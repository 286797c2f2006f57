// Negative tests by the thousand: a random script of memory system calls runs while words of what the kernel keeps in memory change
// under it: descriptors of frames, bitmaps, page lists, slabs, page tables, VMAs. What the script sees may be anything, and reports are
// expected. A finding is what hurts the host: an exception, or a run that does not end.

using System.Globalization;
using Engine.Arm64;
using Mmsim.Cli;
using Mmsim.Scenario;

namespace Mmsim.Fuzz;

/// <summary>Fuzzes the rule that garbage in the arena never hurts the host.</summary>
public sealed class FuzzDamage : IFuzzTarget
{
    private const string Mark = "damage ";
    private const int DamagesMax = 8;
    private const int OthersMax = 24;
    private const int KernelStepsMax = 400;
    private const int RunSecondsMax = 60;
    private const int ShrinkRunsMax = 400;

    /// <inheritdoc/>
    public string Name => "damage";

    /// <inheritdoc/>
    public string Description => "Memory system calls and the kernel's own work while random words of its data change: reports are fine, exceptions and endless loops are not.";

    /// <summary>A script of system calls with lines <c>damage N</c> among them.</summary>
    public static IReadOnlyList<string> MakeScript(ulong seed)
    {
        SplitMix64 random = new(seed);
        List<string> script = [.. SyscallScript.Make(seed)];
        script.Insert(3, $"swapon {1 + random.Below(8)}");
        script.Insert(4, random.Below(2) == 0 ? "main: thp on" : "main: thp off");
        script.Insert(5, "main: mmap BIG 2048 rw private anon");
        for (int count = random.Below(OthersMax); count > 0; count--)
        {
            script.Insert(6 + random.Below(script.Count - 6), MakeOther(random));
        }

        for (int count = 1 + random.Below(DamagesMax); count > 0; count--)
        {
            script.Insert(3 + random.Below(script.Count - 3), Mark + (random.Next() >> 1).ToString(CultureInfo.InvariantCulture));
        }

        return script;
    }

    // Calls that SyscallScript leaves out because what they answer depends on the machine, on names that are always there.
    private static string MakeOther(SplitMix64 random)
    {
        string range = random.Below(2) == 0 ? $"BIG {random.Below(2048)} {1 + random.Below(700)}" : $"R{1 + random.Below(2)} {random.Below(30)} {1 + random.Below(20)}";
        string Advise(string advice) => $"main: madvise {range} {advice}";
        return random.Below(16) switch
        {
            0 or 1 => Advise("pageout"),
            2 => Advise("collapse"),
            3 => Advise("hugepage"),
            4 => Advise("cold"),
            5 => Advise("free"),
            6 => Advise("willneed"),
            7 => $"evict F{random.Below(3)}",
            8 => $"readfile F{random.Below(3)} {random.Below(24)} {1 + random.Below(12)}",
            9 => $"main: mincore {range}",
            10 => $"main: pagemap {range}",
            11 => $"main: frames {range}",
            12 => "main: obs",
            13 => $"main: munmap {range}",
            _ => $"main: writen BIG {random.Below(2000)} {1 + random.Below(40)} 7",
        };
    }

    /// <inheritdoc/>
    public FuzzResult RunOne(ulong seed) => seed % 2 == 0 ? RunScript(seed) : RunKernel(seed);

    /// <summary>The steps of a run of the kernel's own side.</summary>
    public static IReadOnlyList<ulong> MakeSteps(ulong seed)
    {
        SplitMix64 random = new(seed);
        return [.. Enumerable.Range(0, 1 + random.Below(KernelStepsMax)).Select(_ => random.Next() >> 1)];
    }

    private static FuzzResult RunKernel(ulong seed)
    {
        IReadOnlyList<ulong> steps = MakeSteps(seed);
        if (FindFailure(steps) is null)
        {
            return new FuzzResult(steps.Count);
        }

        IReadOnlyList<ulong> smallest = SequenceShrinker.Shrink(steps, shorter => FindFailure(shorter) is not null, ShrinkRunsMax);
        return new FuzzResult(steps.Count, FindFailure(smallest), SequenceFuzz.FormatTest($"Fuzz_damage_{seed:x}() => KernelDamageRun.Replay(", smallest));
    }

    private static FuzzResult RunScript(ulong seed)
    {
        IReadOnlyList<string> script = MakeScript(seed);
        if (FindFailure(script) is null)
        {
            return new FuzzResult(script.Count);
        }

        IReadOnlyList<string> smallest = SequenceShrinker.Shrink(script, shorter => FindFailure(shorter) is not null, ShrinkRunsMax);
        return new FuzzResult(script.Count, FindFailure(smallest), string.Join('\n', smallest) + "\n");
    }

    /// <summary>Runs a script with lines <c>damage N</c> in it; what hurt the host, or null.</summary>
    public static string? FindFailure(IReadOnlyList<string> script) => RunBounded(() => Play(script));

    /// <summary>Runs steps of the kernel's own side; what hurt the host, or null.</summary>
    public static string? FindFailure(IReadOnlyList<ulong> steps) => RunBounded(() => KernelDamageRun.Replay(steps));

    /// <summary>Runs anything: what it throws, or that it does not end; else null.</summary>
    internal static string? RunBounded(Action run)
    {
        string? failure = null;
        Thread thread = new(() => failure = Try(run)) { IsBackground = true };
        thread.Start();
        return thread.Join(TimeSpan.FromSeconds(RunSecondsMax)) ? failure : $"no end after {RunSecondsMax} seconds";
    }

    private static string? Try(Action run)
    {
#pragma warning disable CA1031 // whatever is thrown is a finding
        try
        {
            run();
            return null;
        }
        catch (InputException)
        {
            // A shorter script that names what it no longer defines.
            return null;
        }
        catch (Exception wrong)
        {
            return wrong.ToString();
        }
#pragma warning restore CA1031
    }

    private static void Play(IReadOnlyList<string> script)
    {
        // By the number of calls before them.
        List<(int Before, ulong Seed)> damages = [];
        List<string> lines = [];
        foreach (string line in script)
        {
            if (line.StartsWith(Mark, StringComparison.Ordinal))
            {
                damages.Add((lines.Count, ulong.Parse(line.AsSpan(Mark.Length), CultureInfo.InvariantCulture)));
            }
            else
            {
                lines.Add(line);
            }
        }

        int done = 0;
        ScenarioRunner.Run(
            "fuzz",
            ScenarioParser.Parse("fuzz", lines),
            1,
            _ => { },
            prepare: machine => machine.HugePages.TryWrite("enabled", "always"),
            beforeEach: world =>
            {
                foreach ((int before, ulong seed) in damages)
                {
                    if (before == done)
                    {
                        ArenaDamage.Apply(world.Machine, new SplitMix64(seed));
                    }
                }

                done++;
            },
            atEnd: Finish);
    }

    // All that recounts may report, and all that is left is given back.
    private static void Finish(ScenarioWorld world)
    {
        ArenaDamage.LookAtAll(world.Machine);
        foreach (Process process in world.Live.ToArray())
        {
            process.Exit(world.Cpu.Id);
        }
    }
}
