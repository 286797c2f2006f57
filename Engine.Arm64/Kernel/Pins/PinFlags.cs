namespace Engine.Arm64.Kernel.Pins;

/// <summary>How user pages are taken hold of, with the numeric values of Linux v6.9 (<c>FOLL_…</c>, include/linux/mm_types.h).</summary>
[Flags]
public enum PinFlags
{
    /// <summary>For reading, by a plain reference.</summary>
    None = 0,

    /// <summary>For writing: copy-on-write is broken first (<c>FOLL_WRITE</c>).</summary>
    Write = 1,

    /// <summary>
    /// As a debugger: what the VMA may become counts, not what it is. A write to a private page that the process may not write makes a copy of
    /// its own, which stays read-only to it (<c>FOLL_FORCE</c>).
    /// </summary>
    Force = 1 << 3,

    /// <summary>For as long as a device uses the page: it may not stay in memory that must be movable (<c>FOLL_LONGTERM</c>).</summary>
    LongTerm = 1 << 8,

    /// <summary>The content will be accessed, so the page stays where it is, also across fork (<c>FOLL_PIN</c>).</summary>
    Pin = 1 << 19,
}
