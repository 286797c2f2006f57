using System.Diagnostics.CodeAnalysis;

namespace Engine.Core.Diagnostics.Procfs;

/// <summary>Files of <c>/proc</c> that come and go, such as those of processes.</summary>
public interface IProcFolder
{
    /// <summary>The files that there are now, as paths below <c>/proc</c>.</summary>
    public IEnumerable<string> Names { get; }

    /// <summary>Finds a file.</summary>
    /// <param name="name">Its path below <c>/proc</c>.</param>
    /// <param name="file">The file.</param>
    /// <returns>False where there is no such file now.</returns>
    public bool TryOpen(string name, [NotNullWhen(true)] out ProcFile? file);
}
