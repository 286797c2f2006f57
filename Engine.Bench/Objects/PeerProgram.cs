using System.Diagnostics;
using System.Globalization;
using Engine.Bench.Harness;

namespace Engine.Bench.Objects;

/// <summary>A process of the peer program with one allocator in it, which runs what it is asked to.</summary>
internal sealed class PeerProgram : IDisposable
{
    private static readonly string[] LibraryFolders =
    [
        "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib",
    ];

    private readonly Process process;

    private PeerProgram(Process process) => this.process = process;

    /// <summary>Builds the peer program with the system's C compiler.</summary>
    /// <returns>Its path, or null with the reason.</returns>
    public static string? TryBuild(out string? reason) => CProgram.TryBuild("Objects/peers/object_peer.c", ["-O2", "-pthread", "-fno-builtin-malloc", "-fno-builtin-free"], out reason);

    /// <summary>Finds a library by its file name.</summary>
    public static string? FindLibrary(string fileName) => LibraryFolders.Select(folder => Path.Combine(folder, fileName)).FirstOrDefault(File.Exists);

    /// <summary>Starts the program.</summary>
    /// <param name="program">As <see cref="TryBuild"/> built it.</param>
    /// <param name="library">The allocator to preload, or null for the C library's own.</param>
    public static PeerProgram Start(string program, string? library)
    {
        ProcessStartInfo start = new(program) { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false };
        if (library is not null)
        {
            start.Environment["LD_PRELOAD"] = library;
        }

        return new PeerProgram(Process.Start(start)!);
    }

    /// <summary>Runs a workload and waits for it.</summary>
    public void Run(string workload, int sizeBytes, long operations)
    {
        process.StandardInput.Write(string.Create(CultureInfo.InvariantCulture, $"{workload} {sizeBytes} {operations}\n"));
        process.StandardInput.Flush();
        if (process.StandardOutput.ReadLine() is null)
        {
            throw new InvalidOperationException("the peer program ended");
        }
    }

    /// <summary>Ends the program.</summary>
    public void Dispose()
    {
        process.StandardInput.Close();
        process.WaitForExit();
        process.Dispose();
    }
}
