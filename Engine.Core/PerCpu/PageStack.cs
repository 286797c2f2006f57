using System.Runtime.InteropServices;

namespace Engine.Core.PerCpu;

/// <summary>
/// One list of a CPU: a stack of frame numbers in chunks of <see cref="PerCpuPages.ChunkEntries"/>, in the arena. The top is the
/// hottest page; a drain takes from the bottom. Indexes are into the CPU's pool of chunks; the stack is empty when the top is
/// one below the bottom. Below a bottom inside a chunk stands <see cref="Units.Pfn.None"/>, which ends a pop that has not looked.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PageStack
{
    /// <summary>Index of the top entry; <see cref="PerCpuPages.NoChunk"/> while the stack has no chunk.</summary>
    public uint Top;

    /// <summary>Index of the bottom entry.</summary>
    public uint Bottom;

    /// <summary>Whether there is nothing on it.</summary>
    public readonly bool IsEmpty => unchecked(Top + 1) == Bottom;
}
