namespace Engine.Core.PageCache;

/// <summary>What fault-around may map, in pages of the file (<c>do_fault_around</c>, mm/memory.c).</summary>
/// <param name="First">First page of the window: 16 pages at an aligned address, clamped to the VMA and the page table.</param>
/// <param name="Last">Last page of the window.</param>
/// <param name="TableFirst">First page that lies both in the VMA and in the same page table: a large folio is mapped whole within these limits (Linux 6.18).</param>
/// <param name="TableLast">Last such page; at most 511 after <paramref name="TableFirst"/>.</param>
/// <param name="HasTable">Whether the 2 MiB around have a page table; without one, a folio of that size is mapped by one descriptor.</param>
public readonly record struct FaultAroundWindow(ulong First, ulong Last, ulong TableFirst, ulong TableLast, bool HasTable);
