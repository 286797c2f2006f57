namespace Mmsim.Cli;

/// <summary>The trace that comes with the program.</summary>
internal static class SampleTrace
{
    private const string Name = "a1_sqlite.lackey.zst";

    /// <summary>Its path: beside the program, where the build put it.</summary>
    public static string Path => System.IO.Path.Combine(AppContext.BaseDirectory, "traces", Name);
}
