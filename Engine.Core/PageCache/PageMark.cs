namespace Engine.Core.PageCache;

/// <summary>A mark that a page's entry in its file's index can carry, so that pages in a state are found without a scan.</summary>
public enum PageMark
{
    /// <summary>Changed since it was read or written back (<c>PAGECACHE_TAG_DIRTY</c>).</summary>
    Dirty,

    /// <summary>Being written back (<c>PAGECACHE_TAG_WRITEBACK</c>).</summary>
    Writeback,

    /// <summary>Chosen for the write-back under way (<c>PAGECACHE_TAG_TOWRITE</c>).</summary>
    ToWrite,
}
