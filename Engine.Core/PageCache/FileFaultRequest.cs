using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <summary>What a fault asks of a file (the fields of <c>struct vm_fault</c> and its VMA that <c>filemap_fault</c> looks at).</summary>
/// <param name="PageIndex">Place in the file, in pages.</param>
/// <param name="Advice">What the VMA says about its accesses.</param>
/// <param name="AreaFirst">First page of the file that the VMA maps: what is read for executable memory begins there (Linux 6.17 and later).</param>
/// <param name="AreaEnd">The page after the last one that the VMA maps.</param>
/// <param name="Waiting">What the fault does where input is awaited.</param>
/// <param name="FolioOrders">The orders that a new folio of shared memory may have beside 0, as a mask; the VMA has room for them.</param>
/// <param name="FolioGfp">How such a folio is asked for.</param>
public readonly record struct FileFaultRequest(
    ulong PageIndex, MmapAdvice Advice, ulong AreaFirst, ulong AreaEnd, FileFaultWaiting Waiting, uint FolioOrders = 0, GfpFlags FolioGfp = GfpFlags.None);
