namespace Engine.Core.Frames;

/// <summary>The bits of <see cref="Frame.Flags"/> and of <see cref="Frame.Mapping"/> (include/linux/page-flags.h, Linux 6.9).</summary>
internal static class PageFlag
{
    public const ulong Locked = 1UL << 0;
    public const ulong Writeback = 1UL << 1;
    public const ulong Referenced = 1UL << 2;
    public const ulong Uptodate = 1UL << 3;
    public const ulong Dirty = 1UL << 4;
    public const ulong Lru = 1UL << 5;
    public const ulong Head = 1UL << 6;
    public const ulong Active = 1UL << 8;
    public const ulong Workingset = 1UL << 9;

    /// <summary>An anonymous page that exactly one process can see (<c>PG_anon_exclusive</c>, the bit of <c>PG_mappedtodisk</c>).</summary>
    public const ulong AnonExclusive = 1UL << 17;

    public const ulong Readahead = 1UL << 18;
    public const ulong SwapBacked = 1UL << 19;
    public const ulong Unevictable = 1UL << 20;
    public const ulong Mlocked = 1UL << 21;

    /// <summary>The low byte of the first tail's flags: the folio's order.</summary>
    public const ulong OrderMask = 0xff;

    /// <summary>Bit 0 of <see cref="Frame.Mapping"/>: the rest names an anon_vma (<c>PAGE_MAPPING_ANON</c>).</summary>
    public const ulong MappingAnon = 1;
}
