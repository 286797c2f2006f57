using System.Diagnostics;
using System.Globalization;
using Engine.Bench.Harness;

namespace Engine.Bench.Faults;

/// <summary>A process on the kernel of this machine that does the same as the engine's side.</summary>
internal sealed class KernelPeer : IWorkload
{
    private readonly Process process;
    private readonly string workload;
    private readonly int pages;
    private readonly string clock;
    private long nanoseconds;

    /// <summary>Starts the program.</summary>
    /// <param name="program">As <see cref="TryBuild"/> built it.</param>
    /// <param name="workload">One of the suite's names.</param>
    /// <param name="pages">Pages, or calls, of a round.</param>
    /// <param name="isCpuTime">Whether it times rounds by its CPU time.</param>
    public KernelPeer(string program, string workload, int pages, bool isCpuTime)
    {
        this.workload = workload;
        this.pages = pages;
        clock = isCpuTime ? "cpu" : "wall";
        process = Process.Start(new ProcessStartInfo(program) { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false })!;
    }

    /// <summary>Builds the program with the system's C compiler.</summary>
    /// <returns>Its path, or null with the reason.</returns>
    public static string? TryBuild(out string? reason) => CProgram.TryBuild("Faults/peers/fault_kernel.c", ["-O2"], out reason);

    /// <inheritdoc/>
    public void Prepare(int thread) => _ = Ask("prepare");

    /// <inheritdoc/>
    public long Run(int thread)
    {
        nanoseconds = Ask("run");
        return pages;
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

    // The program answers with the nanoseconds that the step took.
    private long Ask(string verb)
    {
        process.StandardInput.Write(string.Create(CultureInfo.InvariantCulture, $"{verb} {workload} {pages} {clock}\n"));
        process.StandardInput.Flush();
        string answer = process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("the program beside ended");
        return long.Parse(answer, CultureInfo.InvariantCulture);
    }
}
