// Anonymous folios of which some pages are mapped and some are not wait here until memory is short (deferred_split_folio,
// deferred_split_scan, mm/huge_memory.c): what nobody maps stays allocated until the folio is split.
//
// The list's links lie in the folios' tails; a link is a frame number above bit 0, which says that there is one. The ends are the
// host's. A link from the arena is followed only to a folio that says itself that it waits.

using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Units;

namespace Engine.Arm64.HugePages;

/// <summary>The list of folios that wait to be split, oldest first (<c>struct deferred_split</c>).</summary>
internal sealed class DeferredSplits(PageAllocator allocator)
{
    private readonly Lock gate = new();
    private ulong first;
    private ulong last;

    /// <summary>How many wait.</summary>
    public int Count { get; private set; }

    /// <summary>Puts a folio at the end, unless it waits already.</summary>
    /// <returns>Whether it was put there.</returns>
    public bool TryAdd(Pfn head)
    {
        lock (gate)
        {
            LargeFolio folio = new(allocator.Frames, head);
            if (folio.IsQueued)
            {
                return false;
            }

            folio.IsQueued = true;
            folio.Next = 0;
            folio.Previous = last;
            if (TryOpen(last, out Pfn previous))
            {
                new LargeFolio(allocator.Frames, previous).Next = Encode(head);
            }
            else
            {
                first = Encode(head);
            }

            last = Encode(head);
            Count++;
            return true;
        }
    }

    /// <summary>Takes a folio out that is freed, split, or mapped no more in part.</summary>
    public void Remove(Pfn head)
    {
        lock (gate)
        {
            RemoveLocked(head);
        }
    }

    /// <summary>Takes the oldest folio out.</summary>
    public bool TryTake(out Pfn head)
    {
        lock (gate)
        {
            if (TryOpen(first, out head))
            {
                RemoveLocked(head);
                return true;
            }

            first = 0;
            last = 0;
            Count = 0;
            return false;
        }
    }

    private void RemoveLocked(Pfn head)
    {
        LargeFolio folio = new(allocator.Frames, head);
        if (!folio.IsQueued)
        {
            return;
        }

        folio.IsQueued = false;
        Count--;
        if (TryOpen(folio.Previous, out Pfn previous))
        {
            new LargeFolio(allocator.Frames, previous).Next = folio.Next;
        }
        else
        {
            first = folio.Next;
        }

        if (TryOpen(folio.Next, out Pfn next))
        {
            new LargeFolio(allocator.Frames, next).Previous = folio.Previous;
        }
        else
        {
            last = folio.Previous;
        }

        folio.Next = 0;
        folio.Previous = 0;
    }

    private static ulong Encode(Pfn head) => ((ulong)head.ToUInt32() << 1) | 1;

    private bool TryOpen(ulong link, out Pfn head)
    {
        head = Pfn.None;
        if (link == 0)
        {
            return false;
        }

        Pfn found = new((uint)Math.Min(link >> 1, uint.MaxValue));
        bool isFolio = (link & 1) != 0 && allocator.IsCompound(found) && allocator.GetOrder(found).Value >= HugePageOptions.SmallestOrder
            && new LargeFolio(allocator.Frames, found).IsQueued;
        if (!isFolio)
        {
            allocator.Log.Report(new Corruption(CorruptionCategory.BadPageState, "link of the deferred split list", found.Address, 1, link));
            return false;
        }

        head = found;
        return true;
    }
}
