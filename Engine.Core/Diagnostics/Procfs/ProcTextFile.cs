namespace Engine.Core.Diagnostics.Procfs;

/// <summary>A file of <c>/proc</c> that is text.</summary>
public sealed class ProcTextFile : ProcFile
{
    private readonly Func<string> source;

    /// <summary>Makes a file.</summary>
    /// <param name="source">Its content at the time of the call.</param>
    public ProcTextFile(Func<string> source) => this.source = source;

    /// <summary>The content of this moment.</summary>
    public string ReadAll() => source();

    /// <inheritdoc/>
    public override void WriteTo(string path) => File.WriteAllText(path, source());
}
