using Engine.Arm64.Units;

namespace Mmsim.Traces.Pages;

/// <summary>How the trace uses one 4 KiB page. An access belongs to the page of its first byte; a modify reads and writes.</summary>
/// <param name="Page">The page's first address.</param>
/// <param name="FirstFetch">Index of the first record that fetches from it, or <see cref="Never"/>.</param>
/// <param name="FirstRead">Index of the first record that reads it, or <see cref="Never"/>.</param>
/// <param name="FirstWrite">Index of the first record that writes it, or <see cref="Never"/>.</param>
public readonly record struct PageUseEntry(VirtAddr Page, long FirstFetch, long FirstRead, long FirstWrite)
{
    /// <summary>The index of a record that does not exist: above all others, so that minimum and "before" need no special case.</summary>
    public const long Never = long.MaxValue;

    /// <summary>Whether an instruction is fetched from the page.</summary>
    public bool IsFetched => FirstFetch != Never;

    /// <summary>Whether data of the page is read.</summary>
    public bool IsRead => FirstRead != Never;

    /// <summary>Whether the page is written.</summary>
    public bool IsWritten => FirstWrite != Never;

    /// <summary>Index of the first record that touches it.</summary>
    public long FirstTouch => Math.Min(FirstFetch, Math.Min(FirstRead, FirstWrite));
}
