namespace Engine.Bench.Trace;

/// <summary>The trace that comes with the repository.</summary>
internal static class SampleTrace
{
    /// <summary>Where it lies: looked for upwards from the program and from the working folder.</summary>
    public static string Path { get; } = Find(AppContext.BaseDirectory) ?? Find(Environment.CurrentDirectory)
        ?? throw new FileNotFoundException($"the sample trace {RelativePath} is not above the program; name a trace with --input");

    private const string RelativePath = "tools/traces/a1_sqlite.lackey.zst";

    private static string? Find(string folder)
    {
        for (DirectoryInfo? at = new(folder); at is not null; at = at.Parent)
        {
            string path = System.IO.Path.Combine(at.FullName, RelativePath);
            if (File.Exists(path))
            {
                return path;
            }
        }

        return null;
    }
}
