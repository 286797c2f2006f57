using System.Diagnostics;

namespace Engine.Bench.Harness;

/// <summary>Programs in C that run beside the engine.</summary>
internal static class CProgram
{
    /// <summary>Builds a program with the system's C compiler.</summary>
    /// <param name="source">Its source, relative to where the bench lies.</param>
    /// <param name="options">What the compiler is told beside the files.</param>
    /// <param name="reason">Why there is none.</param>
    /// <returns>Its path, or null with the reason.</returns>
    public static string? TryBuild(string source, ReadOnlySpan<string> options, out string? reason)
    {
        string path = Path.Combine(AppContext.BaseDirectory, source);
        string program = Path.Combine(AppContext.BaseDirectory, Path.GetFileNameWithoutExtension(source));
        try
        {
            using Process compiler = Process.Start(new ProcessStartInfo("cc", [.. options, "-o", program, path]))!;
            compiler.WaitForExit();
            reason = compiler.ExitCode == 0 ? null : $"cc failed on {path}";
            return compiler.ExitCode == 0 ? program : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            reason = "there is no C compiler (cc) here";
            return null;
        }
    }
}
