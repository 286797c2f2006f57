// Taking a range out of use: isolation, and allocation of a range whatever it holds (mm/page_isolation.c,
// mm/page_alloc.c: alloc_contig_range; mm/cma.c).

using Engine.Core.Frames;
using Engine.Core.Migration;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <content>Ranges.</content>
public sealed unsafe partial class PageAllocator
{
    private const uint BlockPages = 1u << Order.PageBlockValue;

    /// <summary>Turns whole pageblocks into CMA's (<c>init_cma_reserved_pageblock</c>): only movable pages may use them from now on.</summary>
    /// <param name="start">A multiple of a pageblock; everything in the range is free.</param>
    /// <param name="pageCount">A multiple of a pageblock.</param>
    /// <returns>False, with nothing changed, where the range is misaligned, in two zones, or not wholly free.</returns>
    public bool TryReserveCma(Pfn start, uint pageCount)
    {
        if (!TryGetRange(start, pageCount, out Zone? zone))
        {
            return false;
        }

        zone.Acquire();
        bool isFree = zone.Area.IsRangeFree(start.Value, start.Value + pageCount);
        for (uint pfn = start.Value; isFree && pfn < start.Value + pageCount; pfn += BlockPages)
        {
            zone.Area.Retype((int)(pfn >> Order.PageBlockValue), MigrateType.Cma);
        }

        zone.CmaPages += isFree ? pageCount : 0;
        zone.UpdateFastMarks();
        zone.Release();
        return isFree;
    }

    /// <summary>
    /// Isolates the pageblocks of a range (<c>start_isolate_page_range</c>): nothing is allocated from them, what is freed there
    /// stays there, and their free pages do not count as free.
    /// </summary>
    /// <returns>False, with nothing changed, where the range is misaligned or in two zones, or holds boot's frames or an isolated pageblock.</returns>
    public bool TryIsolate(Pfn start, uint pageCount)
    {
        if (!TryGetRange(start, pageCount, out Zone? zone))
        {
            return false;
        }

        zone.Acquire();
        bool isPossible = true;
        for (uint pfn = start.Value; isPossible && pfn < start.Value + pageCount; pfn += BlockPages)
        {
            isPossible = blocks[pfn >> Order.PageBlockValue].Type != (byte)MigrateType.Isolate && !HasReserved(pfn);
        }

        for (uint pfn = start.Value; isPossible && pfn < start.Value + pageCount; pfn += BlockPages)
        {
            PageBlock* block = blocks + (pfn >> Order.PageBlockValue);
            block->TypeBeforeIsolation = block->Type;
            zone.Area.Retype((int)(pfn >> Order.PageBlockValue), MigrateType.Isolate);
            zone.State->IsolatedPageBlocks = unchecked(zone.State->IsolatedPageBlocks + 1);
        }

        zone.Release();
        return isPossible;
    }

    /// <summary>Ends an isolation (<c>undo_isolate_page_range</c>): each pageblock gets its type back.</summary>
    public void Unisolate(Pfn start, uint pageCount)
    {
        if (!TryGetRange(start, pageCount, out Zone? zone))
        {
            throw new ArgumentException($"{pageCount} frames at {start} are no whole pageblocks of one zone", nameof(start));
        }

        zone.Acquire();
        for (uint pfn = start.Value; pfn < start.Value + pageCount; pfn += BlockPages)
        {
            PageBlock* block = blocks + (pfn >> Order.PageBlockValue);
            if (block->Type == (byte)MigrateType.Isolate)
            {
                zone.Area.Retype((int)(pfn >> Order.PageBlockValue), (MigrateType)Math.Min(block->TypeBeforeIsolation, (byte)MigrateType.Cma));
                block->TypeBeforeIsolation = 0;
                zone.State->IsolatedPageBlocks = unchecked(zone.State->IsolatedPageBlocks - 1);
            }
        }

        zone.Release();
    }

    /// <summary>
    /// Allocates a range of frames, moving away what is in it (<c>alloc_contig_range</c>). Each frame is then a block of order 0 of
    /// its own with one reference; <see cref="Free"/> gives each back.
    /// </summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="start">First frame.</param>
    /// <param name="pageCount">Frames; at least one.</param>
    /// <returns>False where something in the range cannot be moved; then no frame has been allocated, though some may have moved.</returns>
    public bool TryAllocateRange(CpuId cpu, Pfn start, uint pageCount)
    {
        if (!Frames.IsInTable(start) || pageCount == 0 || pageCount > frameCount - (start.Value - firstPfn))
        {
            return false;
        }

        Pfn first = new(start.Value & ~(BlockPages - 1));
        uint end = (uint)(((ulong)start.Value + pageCount + BlockPages - 1) & ~(ulong)(BlockPages - 1));
        if (!TryIsolate(first, end - first.Value))
        {
            return false;
        }

        DrainAll(cpu);
        bool isDone = EvacuateRange(cpu, start.Value, start.Value + pageCount);
        Zone zone = FindZone(first)!;
        zone.Acquire();
        isDone = isDone && zone.Area.IsRangeFree(start.Value, start.Value + pageCount);
        if (isDone)
        {
            zone.Area.ClaimRange(start.Value, start.Value + pageCount);
        }

        zone.Release();
        for (uint pfn = start.Value; isDone && pfn < start.Value + pageCount; pfn++)
        {
            states[pfn] = FrameState.Allocated;
            FrameTable.ResetAllocated(descriptors + pfn);
        }

        Unisolate(first, end - first.Value);
        return isDone;
    }

    // Moves every block in use that touches the range; what is freed lands in the isolated pageblocks.
    private bool EvacuateRange(CpuId cpu, uint from, uint end)
    {
        for (uint pfn = from; pfn < end;)
        {
            if (!TryFindBlock(new Pfn(pfn), out Pfn head, out Order order))
            {
                pfn++;
                continue;
            }

            if (!TryMoveBlock(cpu, head, order, CompactMode.SyncFull))
            {
                return false;
            }

            pfn = head.Value + order.PageCount;
        }

        return true;
    }

    /// <summary>Moves a page in use out of memory that must stay movable, for who holds it long (<c>migrate_longterm_unpinnable_pages</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="pfn">A frame of an allocated block.</param>
    /// <param name="gfp">Where to.</param>
    /// <returns>False where its owner cannot move it, or there is no memory.</returns>
    public bool TryMovePage(CpuId cpu, Pfn pfn, GfpFlags gfp) =>
        TryFindBlock(pfn, out Pfn head, out Order order) && TryMoveBlock(cpu, head, order, CompactMode.SyncFull, gfp);

    /// <summary>The type of a frame's pageblock (<c>get_pageblock_migratetype</c>).</summary>
    /// <exception cref="ArgumentOutOfRangeException">The frame is not managed.</exception>
    public MigrateType GetMigrateType(Pfn pfn) => Frames.IsInTable(pfn)
        ? (MigrateType)blocks[pfn.Value >> Order.PageBlockValue].Type
        : throw new ArgumentOutOfRangeException(nameof(pfn), pfn, "the frame has no descriptor");

    /// <summary>Moves one block in use to wherever there is room.</summary>
    private bool TryMoveBlock(CpuId cpu, Pfn head, Order order, CompactMode mode) =>
        TryMoveBlock(cpu, head, order, mode, GfpFlags.HighUserMovable & ~GfpFlags.DirectReclaim);

    private bool TryMoveBlock(CpuId cpu, Pfn head, Order order, CompactMode mode, GfpFlags gfp)
    {
        if (Migrator is not { } migrator || !migrator.CanMove(head, order, mode))
        {
            return false;
        }

        gfp |= IsCompound(head) ? GfpFlags.Comp : GfpFlags.None;
        if (!TryAllocate(cpu, order, gfp, out Pfn target))
        {
            return false;
        }

        bool isMoved = migrator.TryMove(cpu, head, target, order, mode);
        Free(cpu, isMoved ? head : target, order);
        return isMoved;
    }

    private bool HasReserved(uint first)
    {
        for (uint pfn = first; pfn < first + BlockPages; pfn++)
        {
            if (states[pfn] == FrameState.Reserved || FrameState.Is(states[pfn], FrameState.Leaked) || !Frames.IsValid(new Pfn(pfn)))
            {
                return true;
            }
        }

        return false;
    }

    private bool TryGetRange(Pfn start, uint pageCount, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Zone? zone)
    {
        zone = FindZone(start);
        return zone is not null && pageCount != 0 && (start.Value & (BlockPages - 1)) == 0 && (pageCount & (BlockPages - 1)) == 0
            && pageCount <= zone.Span.End - start && zone.Span.Contains(start + (pageCount - 1));
    }
}
