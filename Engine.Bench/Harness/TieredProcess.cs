using System.Diagnostics;

namespace Engine.Bench.Harness;

/// <summary>This program once more, with the runtime's default way to compile, which its own settings turn off and which cannot be changed later.</summary>
internal static class TieredProcess
{
    private const string Tiers = "DOTNET_TieredCompilation";
    private const string Profile = "DOTNET_TieredPGO";

    /// <summary>Whether this process compiles in tiers with a profile.</summary>
    public static bool IsThis => Environment.GetEnvironmentVariable(Tiers) is not null;

    /// <summary>Runs the same command line with tiers; where the variable is set already, as the user wants it.</summary>
    /// <returns>Its exit code.</returns>
    public static int RunThis()
    {
        string[] args = Environment.GetCommandLineArgs();
        string program = Environment.ProcessPath!;
        bool isHost = Path.GetFileNameWithoutExtension(program) == "dotnet";
        ProcessStartInfo start = new(program, isHost ? args : args[1..]);
        start.Environment[Tiers] = "1";
        start.Environment[Profile] = "1";
        using Process process = Process.Start(start)!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
