using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <content>Folios coming into the cache and leaving it.</content>
public sealed partial class FileMapping
{
    private const GfpFlags CacheGfp = GfpFlags.HighUserMovable;
    private const GfpFlags ReadaheadGfp = CacheGfp | GfpFlags.NoRetry | GfpFlags.NoWarn;

    // Allocates a folio and puts it into the index, not up to date (filemap_add_folio). It is larger than asked, and begins earlier,
    // where the file has no smaller ones.
    private PageIndexResult TryAddFolio(CpuId cpu, ulong first, int order, GfpFlags gfp, out Pfn head)
    {
        if (order < Options.FolioOrderMin)
        {
            order = Options.FolioOrderMin;
            first = RoundDown(first, order);
        }

        if (!TryMakeFolio(cpu, order, gfp, out head))
        {
            return PageIndexResult.OutOfMemory;
        }

        PrepareFolio(head, first, order);
        PageIndexResult stored = index.TryStore(cpu, first, order, EntryOf(head));
        if (stored != PageIndexResult.Done)
        {
            frames[head].Mapping = 0;
            frames[head].Flags = order == 0 ? 0 : PageFlag.Head;
            cache.Put(cpu, head, 1 << order);
            head = Pfn.None;
            return stored;
        }

        Record.CachedPages = unchecked(Record.CachedPages + (1UL << order));
        cache.Pages.Lru.Add(cpu, head);
        cache.FolioAdded?.Invoke(this, first, new Order(order));
        return PageIndexResult.Done;
    }

    // A folio that is charged to whoever acts and is in no index yet.
    private bool TryMakeFolio(CpuId cpu, int order, GfpFlags gfp, out Pfn head)
    {
        GfpFlags wanted = order == 0 ? gfp : gfp | GfpFlags.Comp;
        if (!cache.Pages.TryAllocate(cpu, new Order(order), wanted, out head))
        {
            return false;
        }

        if (cache.Pages.Lru.Cgroups is { } cgroups && !cgroups.TryCharge(cpu, cgroups.ActiveOn(cpu), head, 1UL << order))
        {
            cache.Pages.Free(cpu, head, new Order(order));
            head = Pfn.None;
            return false;
        }

        return true;
    }

    private void PrepareFolio(Pfn head, ulong first, int order)
    {
        ref Frame frame = ref frames[head];
        frame.Mapping = Tag;
        frame.Index = first;
        frame.Private = 0;
        frame.MapCount = 0;
        frame.RefCount = 1 << order;
        frame.Flags = (IsShmem ? PageFlag.SwapBacked : 0) | (order > 0 ? PageFlag.Head : 0);
    }

    // Reads what a folio covers; pages beyond the end are zero.
    private bool FillFolio(Pfn head, int order)
    {
        ulong first = frames[head].Index;
        bool isGood = true;
        for (uint i = 0; i < 1u << order; i++)
        {
            Span<byte> page = memory.GetFrame(head + i);
            isGood &= Backing.ReadPage(first + i, page);
        }

        if (isGood)
        {
            frames[head].Flags |= PageFlag.Uptodate;
        }

        if (startsInput)
        {
            NoteInput(first, order);
        }

        return isGood;
    }

    // Takes a folio out of the index and gives the cache's references back (filemap_remove_folio, folio_put_refs).
    private void RemoveFolio(CpuId cpu, Pfn head)
    {
        ref Frame frame = ref frames[head];
        int order = cache.OrderOf(head);
        index.Erase(cpu, frame.Index);
        Record.CachedPages -= Math.Min(Record.CachedPages, 1UL << order);
        if ((frame.Flags & PageFlag.Dirty) != 0)
        {
            CountDirty(-(1L << order));
        }

        frame.Mapping = 0;
        frame.Flags &= ~(PageFlag.Dirty | PageFlag.Readahead);
        cache.Put(cpu, head, 1 << order);
    }

    internal void DropAll(CpuId cpu)
    {
        DropSwapped(cpu, 0, PageIndexMax);
        ulong at = 0;
        while (TryNextFolio(ref at, PageIndexMax, null, out Pfn head))
        {
            at = frames[head].Index + (1UL << cache.OrderOf(head));
            RemoveFolio(cpu, head);
        }
    }
}
