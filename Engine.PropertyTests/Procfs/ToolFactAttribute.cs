using System.ComponentModel;
using System.Diagnostics;
using Xunit;

namespace Engine.PropertyTests.Procfs;

/// <summary>A test that needs a program of the machine; it is skipped, with the reason, where that is not installed or may not run.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ToolFactAttribute : FactAttribute
{
    /// <summary>Marks a test.</summary>
    /// <param name="probe">A shell command that succeeds where the test can run.</param>
    public ToolFactAttribute(string probe)
    {
        Probe = probe;
        if (!OperatingSystem.IsLinux() || Run(probe) is null)
        {
            Skip = $"'{probe}' does not succeed here";
        }
    }

    /// <summary>The command that showed that the test can run.</summary>
    public string Probe { get; }

    /// <summary>Runs a shell command and gives what it prints; null where it fails.</summary>
    public static string? Run(string command)
    {
        try
        {
            ProcessStartInfo start = new("/bin/sh", ["-c", command]) { RedirectStandardOutput = true, RedirectStandardError = true };
            using Process process = Process.Start(start)!;
            Task<string> error = process.StandardError.ReadToEndAsync();
            string printed = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            _ = error.Result;
            return process.ExitCode == 0 ? printed : null;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
