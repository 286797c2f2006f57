namespace Engine.Core.Diagnostics.Procfs;

/// <summary>A file of <c>/proc</c> that is neither text nor words of the machine: what a program left in its memory, such as <c>cmdline</c>.</summary>
public sealed class ProcBytesFile : ProcFile
{
    private readonly Func<byte[]> source;

    /// <summary>Makes a file.</summary>
    /// <param name="source">Its content at the time of the call.</param>
    public ProcBytesFile(Func<byte[]> source) => this.source = source;

    /// <summary>The content of this moment.</summary>
    public byte[] ReadAll() => source();

    /// <inheritdoc/>
    public override void WriteTo(string path) => File.WriteAllBytes(path, source());
}
