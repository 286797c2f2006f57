using System.Diagnostics;
using System.Globalization;

namespace Engine.Bench.Harness;

/// <summary>A program that does the same as the engine's side, and answers each line that asks it to.</summary>
internal sealed class PeerProcess : IWorkload
{
    private readonly Process process;
    private readonly string workload;
    private readonly int operations;

    /// <summary>Starts the program.</summary>
    /// <param name="program">As <see cref="CProgram.TryBuild"/> built it.</param>
    /// <param name="workload">One of the suite's names.</param>
    /// <param name="operations">Pages, calls or accesses of a round.</param>
    public PeerProcess(string program, string workload, int operations)
    {
        this.workload = workload;
        this.operations = operations;
        process = Process.Start(new ProcessStartInfo(program) { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false })!;
    }

    /// <inheritdoc/>
    public void Prepare(int thread) => Ask("prepare");

    /// <inheritdoc/>
    public long Run(int thread)
    {
        Ask("run");
        return operations;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        process.StandardInput.Close();
        process.WaitForExit();
        process.Dispose();
    }

    private void Ask(string verb)
    {
        process.StandardInput.Write(string.Create(CultureInfo.InvariantCulture, $"{verb} {workload} {operations}\n"));
        process.StandardInput.Flush();
        if (process.StandardOutput.ReadLine() is null)
        {
            throw new InvalidOperationException("the program beside ended");
        }
    }
}
