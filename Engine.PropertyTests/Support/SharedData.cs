namespace Engine.PropertyTests.Support;

/// <summary>Finds the recordings that some checkouts have beside them. Tests that need one skip, with the reason, where it is absent.</summary>
internal static class SharedData
{
    /// <summary>Why a test was skipped.</summary>
    public const string Absent = "the recordings in ../shared are not beside this checkout";

    /// <summary>The repository's root: the folder that holds Engine.sln.</summary>
    public static string RepositoryRoot { get; } = FindRoot();

    /// <summary>The full path of a recording, or null where there is none.</summary>
    /// <param name="relativePath">Below <c>shared</c>, for example <c>data/traces</c>.</param>
    public static string? Find(string relativePath)
    {
        string path = Path.GetFullPath(Path.Combine(RepositoryRoot, "..", "shared", relativePath));
        return File.Exists(path) || Directory.Exists(path) ? path : null;
    }

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Engine.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new InvalidOperationException("Engine.sln is not above the test's folder");
    }
}
