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

    /// <summary>Starts the program.</summary>
    /// <param name="program">As <see cref="TryBuild"/> built it.</param>
    /// <param name="workload">One of the suite's names.</param>
    /// <param name="pages">Pages, or calls, of a round.</param>
    public KernelPeer(string program, string workload, int pages)
    {
        this.workload = workload;
        this.pages = pages;
        process = Process.Start(new ProcessStartInfo(program) { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false })!;
    }

    /// <summary>Builds the program with the system's C compiler.</summary>
    /// <returns>Its path, or null with the reason.</returns>
    public static string? TryBuild(out string? reason) => CProgram.TryBuild("Faults/peers/fault_kernel.c", ["-O2"], out reason);

    /// <inheritdoc/>
    public void Prepare(int thread) => Ask("prepare");

    /// <inheritdoc/>
    public long Run(int thread)
    {
        Ask("run");
        return pages;
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
        process.StandardInput.Write(string.Create(CultureInfo.InvariantCulture, $"{verb} {workload} {pages}\n"));
        process.StandardInput.Flush();
        if (process.StandardOutput.ReadLine() is null)
        {
            throw new InvalidOperationException("the program beside ended");
        }
    }
}
