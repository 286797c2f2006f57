namespace Engine.Arm64.Processes;

/// <summary>An open file as mmap sees it.</summary>
/// <param name="Id">The file's number, from 1, given by whoever owns files; <see cref="VmArea.NoFile"/> for anonymous memory.</param>
/// <param name="Modes">How it may be mapped.</param>
public readonly record struct MappedFile(uint Id, MappedFileModes Modes)
{
    /// <summary>No file: anonymous memory.</summary>
    public static MappedFile None => default;
}
