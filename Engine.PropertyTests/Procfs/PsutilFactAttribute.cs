using System.ComponentModel;
using System.Diagnostics;
using Xunit;

namespace Engine.PropertyTests.Procfs;

/// <summary>A test that needs Python's psutil; it is skipped, with the reason, where that is not installed.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PsutilFactAttribute : FactAttribute
{
    private static readonly string[] Pythons = ["python3", "/usr/bin/python3"];

    /// <summary>Marks a test.</summary>
    public PsutilFactAttribute()
    {
        if (RunPython("import psutil; print('there')") != "there")
        {
            Skip = "python3 with psutil is not installed";
        }
    }

    /// <summary>Runs a program with the first Python that can, and gives what it prints; null where none can.</summary>
    public static string? RunPython(string program)
    {
        foreach (string python in Pythons)
        {
            try
            {
                ProcessStartInfo start = new(python, ["-c", program]) { RedirectStandardOutput = true, RedirectStandardError = true };
                using Process process = Process.Start(start)!;
                string printed = process.StandardOutput.ReadToEnd();
                process.WaitForExit();
                if (process.ExitCode == 0)
                {
                    return printed.Trim();
                }
            }
            catch (Win32Exception)
            {
                // No such program.
            }
        }

        return null;
    }
}
