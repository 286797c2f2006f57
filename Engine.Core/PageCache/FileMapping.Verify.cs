using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <content>The file's cache checked against descriptors and counters.</content>
public sealed partial class FileMapping
{
    /// <summary>
    /// Checks the index, and each folio in it: its place, size, references, and that marks and flags agree; recomputes the counters.
    /// </summary>
    /// <param name="nodes">Nodes of the index in use.</param>
    /// <returns>What is wrong; empty where all is well.</returns>
    public IReadOnlyList<Corruption> Verify(out int nodes)
    {
        List<Corruption> findings = [];
        List<(ulong Index, ulong Count, ulong Entry)> entries = [];
        cache.Pages.Lru.DrainAll();
        nodes = index.Verify(findings, entries);
        ulong cached = 0;
        ulong dirty = 0;
        ulong swapped = 0;
        foreach ((ulong first, ulong count, ulong entry) in entries)
        {
            if (RadixEntry.IsValue(entry) && IsShmem)
            {
                _ = EntryOf(entry, out int order);
                Expect(findings, RecordAddress, "order of a folio in swap space", count, 1UL << order);
                swapped = unchecked(swapped + count);
                continue;
            }

            cached = unchecked(cached + count);
            ulong offset = unchecked(entry - frames.Region.Start.Value);
            if (offset >= (ulong)frames.Count * Frame.SizeBytes || offset % Frame.SizeBytes != 0)
            {
                findings.Add(new Corruption(CorruptionCategory.PageCache, "entry is no descriptor", RecordAddress, 0, entry));
                continue;
            }

            Pfn head = frames.First + (uint)(offset / Frame.SizeBytes);
            VerifyFolio(findings, head, first, count);
            dirty += (frames[head].Flags & PageFlag.Dirty) != 0 && !IsShmem ? count : 0;
        }

        Expect(findings, RecordAddress, "cached pages", cached, Record.CachedPages);
        Expect(findings, RecordAddress, "pages in swap space", swapped, Record.SwappedPages);
        Expect(findings, RecordAddress, "dirty pages", dirty, Record.DirtyPages);
        Expect(findings, RecordAddress, "number of a file", Id, Record.MappingId);
        return findings;
    }

    private void VerifyFolio(List<Corruption> findings, Pfn head, ulong first, ulong count)
    {
        ref Frame frame = ref frames[head];
        PhysAddr place = head.Address;
        Expect(findings, place, "owner of a folio", Tag, frame.Mapping);
        Expect(findings, place, "page index of a folio", first, frame.Index);
        Expect(findings, place, "pages of a folio", count, 1UL << cache.OrderOf(head));
        if ((frame.Flags & (PageFlag.Dirty | PageFlag.Uptodate)) == PageFlag.Dirty)
        {
            // A page that is not up to date is one that could not be read; nobody can have changed it.
            findings.Add(new Corruption(CorruptionCategory.PageCache, "dirty without being up to date", place, PageFlag.Uptodate, frame.Flags));
        }

        Expect(findings, place, "on an LRU list", PageFlag.Lru, frame.Flags & PageFlag.Lru);
        Expect(findings, place, "swap-backed", IsShmem ? PageFlag.SwapBacked : 0, frame.Flags & PageFlag.SwapBacked);
        if (!IsShmem)
        {
            bool isMarked = index.GetMark(first, PageMark.Dirty);
            Expect(findings, place, "dirty mark", (frame.Flags & PageFlag.Dirty) != 0 ? 1UL : 0, isMarked ? 1UL : 0);
        }

        if (frame.RefCount < (long)count + frame.MapCount)
        {
            findings.Add(new Corruption(CorruptionCategory.BadPageState, "references of a folio", place, count, unchecked((ulong)frame.RefCount)));
        }

        for (uint i = 1; i < count; i++)
        {
            Expect(findings, (head + i).Address, "head of a tail", head.Value, cache.HeadOf(head + i).Value);
        }
    }

    private static void Expect(List<Corruption> findings, PhysAddr address, string what, ulong expected, ulong found)
    {
        if (expected != found)
        {
            findings.Add(new Corruption(CorruptionCategory.PageCache, what, address, expected, found));
        }
    }
}
