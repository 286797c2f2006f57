using System.Diagnostics;
using System.Globalization;

namespace Engine.PropertyTests.Support;

/// <summary>
/// <c>tools/oracle</c>, built with the system's compiler and running in a mount namespace of its own with the file system that its scripts
/// need: what this machine's kernel answers to a scenario script.
/// </summary>
internal sealed class KernelOracle : IDisposable
{
    private static readonly Lazy<string?> Reason = new(FindReason);

    private readonly string folder = Directory.CreateTempSubdirectory("oracle-").FullName;
    private readonly Process server;

    /// <summary>Builds and starts it.</summary>
    /// <exception cref="InvalidOperationException">It does not build, or its file system cannot be made.</exception>
    public KernelOracle()
    {
        string sources = Path.Combine(AppContext.BaseDirectory, "oracle");
        string program = Path.Combine(folder, "oracle");
        using (Process compiler = Start("cc", ["-O1", "-o", program, .. Directory.GetFiles(sources, "*.c")]))
        {
            string said = compiler.StandardError.ReadToEnd();
            compiler.WaitForExit();
            if (compiler.ExitCode != 0)
            {
                throw new InvalidOperationException($"tools/oracle does not build: {said}");
            }
        }

        server = Start("unshare", ["--mount", "sh", Path.Combine(sources, "serve.sh"), program, Path.Combine(folder, "files")]);
        if (server.StandardOutput.ReadLine() is not "# ready")
        {
            throw new InvalidOperationException($"tools/oracle has no file system: {server.StandardError.ReadToEnd()}");
        }
    }

    /// <summary>Why no oracle can run here, or null.</summary>
    public static string? Absent => Reason.Value;

    /// <summary>Runs a script.</summary>
    /// <param name="script">Its lines.</param>
    /// <returns>The kernel's answers; null where the script is in error.</returns>
    public List<string>? Run(IReadOnlyList<string> script)
    {
        string file = Path.Combine(folder, "script.scn");
        File.WriteAllLines(file, script);
        server.StandardInput.WriteLine(file);
        server.StandardInput.Flush();
        List<string> lines = [];
        while (server.StandardOutput.ReadLine() is { } line)
        {
            if (line.StartsWith("# ", StringComparison.Ordinal))
            {
                return int.Parse(line.AsSpan(2), CultureInfo.InvariantCulture) == 0 ? lines : null;
            }

            lines.Add(line);
        }

        throw new InvalidOperationException("tools/oracle ended early");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        server.StandardInput.Close();
        server.WaitForExit();
        server.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private static Process Start(string program, IEnumerable<string> arguments) =>
        Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;

    // The answers differ between releases; the model gives those of 6.18, and page tables as on x86.
    private static string? FindReason()
    {
        Version kernel = Environment.OSVersion.Version;
        if (!OperatingSystem.IsLinux() || kernel.Major != 6 || kernel.Minor != 18 || !Environment.Is64BitProcess)
        {
            return $"needs the kernel whose answers are modelled, Linux 6.18; this is {kernel}";
        }

        if (!Environment.IsPrivilegedProcess)
        {
            return "needs the right to mount a file system and to read page frame numbers (root)";
        }

        try
        {
            return !Succeeds("cc", "--version") ? "needs a C compiler (cc)"
                : !File.Exists("/dev/loop-control") || !Succeeds("mkfs.ext4", "-V") ? "needs loop devices and mkfs.ext4"
                : !Succeeds("unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt") ? "needs the right to mount a file system"
                : null;
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            return $"needs cc, mkfs.ext4 and unshare: {missing.Message}";
        }
    }

    private static bool Succeeds(string program, params string[] arguments)
    {
        using Process process = Start(program, arguments);
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
