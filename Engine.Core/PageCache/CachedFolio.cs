using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <summary>A folio of the page cache, as its first descriptor described it when asked.</summary>
/// <param name="Head">Its first frame.</param>
/// <param name="FirstPage">Its first page in the file.</param>
/// <param name="Order">Its size.</param>
/// <param name="IsUptodate">Whether its content is the file's (<c>PG_uptodate</c>).</param>
/// <param name="IsDirty">Whether it must be written back (<c>PG_dirty</c>).</param>
/// <param name="HasReadaheadMark">Whether touching it fetches the next window (<c>PG_readahead</c>).</param>
public readonly record struct CachedFolio(Pfn Head, ulong FirstPage, Order Order, bool IsUptodate, bool IsDirty, bool HasReadaheadMark)
{
    /// <summary>The page after its last one.</summary>
    public ulong NextPage => FirstPage + Order.PageCount;
}
