using System.Diagnostics;
using Mmsim.Cli;
using Mmsim.Scenario;

namespace Mmsim.Fuzz;

/// <summary>
/// Fuzzes the memory system calls: whatever their arguments, they end in an errno or a signal, and every structure is sound afterwards.
/// With an oracle (<c>tools/oracle</c>, named by <c>MMSIM_ORACLE</c>; its files in <c>ORACLE_DIR</c>) the answers are also compared with
/// those of the kernel that runs here.
/// </summary>
public sealed class FuzzSyscalls : IFuzzTarget
{
    private const int OracleScriptError = 2;

    private static readonly string? Oracle = Environment.GetEnvironmentVariable("MMSIM_ORACLE");

    /// <inheritdoc/>
    public string Name => "vm";

    /// <inheritdoc/>
    public string? OtherName => "syscalls";

    /// <inheritdoc/>
    public string Description => "Memory system calls with any arguments; compared with the kernel's answers where MMSIM_ORACLE names the oracle.";

    /// <inheritdoc/>
    public FuzzResult RunOne(ulong seed)
    {
        IReadOnlyList<string> script = SyscallScript.Make(seed);
        if (Oracle is not null)
        {
            script = [.. script.Where(line => !SyscallScript.DependsOnMachine(line))];
        }

        if (FindFailure(script, Oracle) is null)
        {
            return new FuzzResult(script.Count);
        }

        IReadOnlyList<string> smallest = SequenceShrinker.Shrink(script, shorter => FindFailure(shorter, Oracle) is not null, 400);
        return new FuzzResult(script.Count, FindFailure(smallest, Oracle), string.Join('\n', smallest) + "\n");
    }

    /// <summary>Runs a script; what went wrong, or null. A script that names what it does not define is nobody's fault.</summary>
    /// <param name="script">The lines.</param>
    /// <param name="oracle">The oracle to compare with; null for none.</param>
    public static string? FindFailure(IReadOnlyList<string> script, string? oracle)
    {
        List<string> found = [];
        string? failure = null;
#pragma warning disable CA1031 // whatever a call throws is a finding
        try
        {
            ScenarioRunner.Run("fuzz", ScenarioParser.Parse("fuzz", script), 1, found.Add, atEnd: world => failure = Check(world));
        }
        catch (InputException)
        {
            return null;
        }
        catch (Exception wrong)
        {
            return $"{wrong.GetType().Name}: {wrong.Message}";
        }
#pragma warning restore CA1031
        return failure ?? (oracle is null ? null : Compare(script, found, oracle));
    }

    private static string? Check(ScenarioWorld world)
    {
        foreach (Engine.Arm64.Process process in world.Live)
        {
            if (!process.Memory.Verify())
            {
                return $"Verify of {process.Name}: {world.Machine.Log.Items.LastOrDefault()}";
            }
        }

        return world.Machine.Log.Count == 0 ? null : $"reported: {world.Machine.Log.Items.LastOrDefault()}";
    }

    // The answers of the kernel, line by line; null where they are equal, or the oracle cannot run the script.
    private static string? Compare(IReadOnlyList<string> script, List<string> found, string oracle)
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllLines(file, script);
            using ProcessRun run = new(oracle, file);
            List<string> expected = run.Lines;
            if (run.ExitCode == OracleScriptError)
            {
                return null;
            }

            for (int i = 0; i < Math.Max(expected.Count, found.Count); i++)
            {
                string here = i < expected.Count ? expected[i] : "(nothing)";
                string model = i < found.Count ? found[i] : "(nothing)";
                if (here != model)
                {
                    return $"the kernel answers\n  {here}\nthe engine\n  {model}";
                }
            }

            return null;
        }
        finally
        {
            File.Delete(file);
        }
    }

    private sealed class ProcessRun : IDisposable
    {
        private readonly System.Diagnostics.Process process;

        public ProcessRun(string program, string argument)
        {
            process = System.Diagnostics.Process.Start(new ProcessStartInfo(program, [argument]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            Lines = [.. process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)];
            process.WaitForExit();
        }

        public List<string> Lines { get; }

        public int ExitCode => process.ExitCode;

        public void Dispose() => process.Dispose();
    }
}
