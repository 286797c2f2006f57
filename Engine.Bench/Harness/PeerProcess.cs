using System.Diagnostics;
using System.Globalization;

namespace Engine.Bench.Harness;

/// <summary>A program that does the same as the engine's side, and answers each line that asks it to with the nanoseconds that it took.</summary>
internal sealed class PeerProcess : IWorkload
{
    private readonly Process process;
    private readonly string workload;
    private readonly int operations;
    private long nanoseconds;

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
    public void Prepare(int thread) => _ = Ask("prepare");

    /// <inheritdoc/>
    public long Run(int thread)
    {
        nanoseconds = Ask("run");
        return operations;
    }

    /// <inheritdoc/>
    public long? OwnNanoseconds(int thread) => nanoseconds;

    /// <inheritdoc/>
    public void Dispose()
    {
        process.StandardInput.Close();
        process.WaitForExit();
        process.Dispose();
    }

    private long Ask(string verb)
    {
        string clock = RoundClock.IsCpuTime ? "cpu" : "wall";
        process.StandardInput.Write(string.Create(CultureInfo.InvariantCulture, $"{verb} {workload} {operations} {clock}\n"));
        process.StandardInput.Flush();
        string answer = process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("the program beside ended");
        return long.Parse(answer, CultureInfo.InvariantCulture);
    }
}
