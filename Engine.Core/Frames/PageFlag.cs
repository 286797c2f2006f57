namespace Engine.Core.Frames;

/// <summary>The bits of <see cref="Frame.Flags"/> as the words that they are: <see cref="FrameFlags"/> without casts, and the bits of <see cref="Frame.Mapping"/>.</summary>
internal static class PageFlag
{
    public const ulong Locked = (ulong)FrameFlags.Locked;
    public const ulong Writeback = (ulong)FrameFlags.Writeback;
    public const ulong Referenced = (ulong)FrameFlags.Referenced;
    public const ulong Uptodate = (ulong)FrameFlags.Uptodate;
    public const ulong Dirty = (ulong)FrameFlags.Dirty;
    public const ulong Lru = (ulong)FrameFlags.Lru;
    public const ulong Head = (ulong)FrameFlags.Head;
    public const ulong Active = (ulong)FrameFlags.Active;
    public const ulong Workingset = (ulong)FrameFlags.Workingset;

    /// <summary>An anonymous page that exactly one process can see (<c>PG_anon_exclusive</c>, the bit of <c>PG_mappedtodisk</c>).</summary>
    public const ulong AnonExclusive = (ulong)FrameFlags.MappedToDisk;

    public const ulong Readahead = (ulong)FrameFlags.Reclaim;
    public const ulong SwapBacked = (ulong)FrameFlags.SwapBacked;

    /// <summary>An anonymous page that has a place in swap space, which leads back to it (<c>PG_swapcache</c>, the bit of <c>PG_owner_priv_1</c>).</summary>
    public const ulong SwapCache = (ulong)FrameFlags.OwnerPrivate1;

    public const ulong Unevictable = (ulong)FrameFlags.Unevictable;
    public const ulong Mlocked = (ulong)FrameFlags.Mlocked;

    /// <summary>The low byte of the first tail's flags: the folio's order.</summary>
    public const ulong OrderMask = 0xff;

    /// <summary>Bit 0 of <see cref="Frame.Mapping"/>: the rest names an anon_vma (<c>PAGE_MAPPING_ANON</c>).</summary>
    public const ulong MappingAnon = 1;
}
