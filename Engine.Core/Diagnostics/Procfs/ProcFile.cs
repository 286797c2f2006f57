namespace Engine.Core.Diagnostics.Procfs;

/// <summary>A file of <c>/proc</c>: <see cref="ProcTextFile"/>, <see cref="ProcBytesFile"/> or <see cref="ProcWordFile"/>. Its content is made when it is read.</summary>
public abstract class ProcFile
{
    /// <summary>Writes the content of this moment to a file of the host; an existing file is replaced.</summary>
    /// <param name="path">Where.</param>
    /// <exception cref="IOException">The host refuses.</exception>
    public abstract void WriteTo(string path);
}
