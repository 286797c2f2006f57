using Engine.Core.PageCache;
using Engine.Core.Units;

namespace Engine.PropertyTests.PageCache;

/// <summary>Remembers what the page cache asks of page tables.</summary>
internal sealed class RecordingReverseMap : IFileReverseMap
{
    public List<(ulong First, ulong Count, bool Copies)> Unmapped { get; } = [];

    public List<Pfn> Cleaned { get; } = [];

    public void UnmapRange(CpuId cpu, FileMapping mapping, ulong firstPage, ulong pageCount, bool includePrivateCopies) =>
        Unmapped.Add((firstPage, pageCount, includePrivateCopies));

    public void RetractTables(CpuId cpu, FileMapping mapping, ulong firstPage)
    {
    }

    public bool CleanFolio(CpuId cpu, FileMapping mapping, Pfn folio)
    {
        Cleaned.Add(folio);
        return false;
    }
}
