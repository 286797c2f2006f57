// How the per-CPU lists fill and grow, and when they drain (mm/page_alloc.c: nr_pcp_alloc, nr_pcp_high, nr_pcp_free,
// free_unref_page_commit, rmqueue_bulk). A refill moves a batch under the zone's lock.

using System.Runtime.CompilerServices;
using Engine.Core.Frames;
using Engine.Core.PerCpu;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <content>The per-CPU lists' policy.</content>
public sealed unsafe partial class PageAllocator
{
    // While a zone has one of them, lists shrink at every free (nr_pcp_high).
    private const int ShrinkFlags = (int)(ZoneFlags.ReclaimActive | ZoneFlags.BelowHigh);

    /// <summary>Books a block that the caller has pushed, and drains the lists when they are full (<c>free_unref_page_commit</c>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void CommitFree(PerCpuPages pages, PerCpuState* state, int order, int type)
    {
        int count = unchecked(state->Count + (1 << order));
        state->Count = count;
        if (state->AllocFactor != 0)
        {
            state->AllocFactor >>= 1;
        }

        // Below the limit, nothing special in the zone, no run of freed high orders: by the rules of CommitFreeSlow only the run is noted.
        ushort isHighOrder = IsHighOrder(order);
        if (count >= state->High || (pages.ZoneState->Flags & ShrinkFlags) != 0 || (isHighOrder != 0 && IsRunOfHighOrders(state)))
        {
            CommitFreeSlow(pages, order, type);
            return;
        }

        NoteOrder(state, isHighOrder);
        CountFree(state, 1 << order);
    }

    // Whether blocks of the order may fragment memory while they lie on a list: 1 or 0.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ushort IsHighOrder(int order) => unchecked((uint)order - 1) < CostlyOrder ? (ushort)1 : (ushort)0;

    // free_high: many pages were freed, the last ones of a high order as well, and they fill the CPU's share of its cache.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsRunOfHighOrders(PerCpuState* state) =>
        state->FreeCount >= state->FreeRunMin && state->IsAfterHighOrder != 0 && state->Count >= state->FreeHighMin;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void NoteOrder(PerCpuState* state, ushort isHighOrder)
    {
        // Not stored again: what was just stored cannot yet be loaded as a part of PerCpuState.Pending.
        if (state->IsAfterHighOrder != isHighOrder)
        {
            state->IsAfterHighOrder = isHighOrder;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CountFree(PerCpuState* state, int pages)
    {
        if (state->FreeCount < state->FreeCountMax)
        {
            state->FreeCount = unchecked(state->FreeCount + pages);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void CommitFreeSlow(PerCpuPages pages, int order, int type)
    {
        PerCpuState* state = pages.State;
        int batch = state->Batch;
        ushort isHighOrder = IsHighOrder(order);
        bool freeHigh = isHighOrder != 0 && IsRunOfHighOrders(state);
        NoteOrder(state, isHighOrder);
        CountFree(state, 1 << order);
        int high = ListHigh(pages, batch, freeHigh);
        if (state->Count < high)
        {
            return;
        }

        Drain(pages, ListFree(state, batch, high, freeHigh), order, type);
        if ((pages.Zone.Flags & ZoneFlags.BelowHigh) != 0
            && IsWatermarkOk(pages.Zone, 0, (long)pages.Zone.GetWatermark(Watermark.High), (int)ZoneType.Movable, AllocFlags.WatermarkMin))
        {
            pages.Zone.SetBelowHigh(false);
        }
    }

    /// <summary>How many blocks a refill takes (<c>nr_pcp_alloc</c>); the limit of kept pages grows with it.</summary>
    private static int RefillCount(PerCpuPages pages, int order)
    {
        PerCpuState* state = pages.State;
        int baseBatch = state->Batch;
        int high = state->High = Clamp(state->High, state->HighMin, state->HighMax);
        if (high < baseBatch)
        {
            return 1;
        }

        int batch = order != 0 ? baseBatch : baseBatch << Math.Min((int)state->AllocFactor, PerCpuLimits.BatchScaleMax);
        if (state->HighMin != state->HighMax && (pages.ZoneState->Flags & (int)ZoneFlags.BelowHigh) == 0)
        {
            high = state->High = Math.Min(unchecked(high + batch), state->HighMax);
        }

        if (order == 0)
        {
            // Twice as many at each refill in a row without a free between.
            int most = unchecked(Math.Max(high - state->Count - baseBatch, baseBatch));
            if (batch <= most && state->AllocFactor < PerCpuLimits.BatchScaleMax)
            {
                state->AllocFactor++;
            }

            batch = Math.Min(batch, most);
        }

        return batch > 1 ? Math.Max(batch >> order, 2) : batch;
    }

    /// <summary>How many pages may stay on the lists after a free (<c>nr_pcp_high</c>).</summary>
    private static int ListHigh(PerCpuPages pages, int batch, bool freeHigh)
    {
        PerCpuState* state = pages.State;
        int high = state->High = Clamp(state->High, state->HighMin, state->HighMax);
        if (high == 0)
        {
            return 0;
        }

        if (freeHigh)
        {
            state->High = unchecked(Math.Max(high - (batch << PerCpuLimits.BatchScaleMax), state->HighMin));
            return 0;
        }

        int flags = pages.ZoneState->Flags;
        if ((flags & (int)ZoneFlags.ReclaimActive) != 0)
        {
            int count = Math.Max(state->FreeCount, batch);
            state->High = unchecked(Math.Max(high - count, state->HighMin));
            return Math.Min(batch << 2, state->High);
        }

        if (state->HighMin == state->HighMax)
        {
            return high;
        }

        if ((flags & (int)ZoneFlags.BelowHigh) != 0)
        {
            int count = Math.Max(state->FreeCount, batch);
            state->High = unchecked(Math.Max(high - count, state->HighMin));
            high = Math.Max(state->Count, state->HighMin);
        }
        else if (state->Count >= high)
        {
            int need = unchecked(state->FreeCount + batch);
            if (state->High < need)
            {
                state->High = Clamp(need, state->HighMin, state->HighMax);
            }
        }

        return high;
    }

    /// <summary>How many pages leave the lists (<c>nr_pcp_free</c>).</summary>
    private static int ListFree(PerCpuState* state, int batch, int high, bool freeHigh)
    {
        if (freeHigh)
        {
            return Math.Min(state->Count, batch << PerCpuLimits.BatchScaleMax);
        }

        return high < batch ? 1 : Clamp(state->FreeCount, batch, unchecked(high - batch));
    }

    // Linux's clamp: where the bounds cross, the upper one wins.
    private static int Clamp(int value, int low, int high) => Math.Min(Math.Max(value, low), high);

    /// <summary>Fills a list of a CPU from the free area (<c>rmqueue_bulk</c>); the first block taken comes out first.</summary>
    /// <returns>How many blocks came.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private int Refill(PerCpuPages pages, int order, MigrateType type, AllocFlags flags)
    {
        int recycled = Recycle(pages, order, (int)type);
        if (recycled != 0)
        {
            pages.State->Count = unchecked(pages.State->Count + (recycled << order));
            pages.State->NetRefilled[order] = unchecked(pages.State->NetRefilled[order] + recycled);
            return recycled;
        }

        int want = Math.Min(RefillCount(pages, order), RefillMax);
        uint* taken = stackalloc uint[RefillMax];
        Zone zone = pages.Zone;
        ref PageStack list = ref pages.List(PerCpuPages.ListOf(order, (int)type));
        int got = TakeBlocks(pages, order, type, flags, taken, want);
        TellKswapd(zone, flags);

        // The last one first, so that the first is on top. What the pool has no room for goes back.
        int kept = pages.PushReversed(ref list, taken, got);
        byte listed = (byte)(FrameState.PerCpu | order);
        for (int i = got - kept; i < got; i++)
        {
            states[taken[i]] = listed;
        }

        if (order != 0)
        {
            PrefetchDescriptors(taken + (got - kept), kept, order);
        }

        if (kept != got)
        {
            zone.Acquire();
            for (int i = 0; i < got - kept; i++)
            {
                zone.Area.Put(taken[i], order);
            }

            zone.Release();
        }

        pages.State->Count = unchecked(pages.State->Count + (kept << order));
        pages.State->NetRefilled[order] = unchecked(pages.State->NetRefilled[order] + kept);
        pages.State->Refilled = unchecked(pages.State->Refilled + kept);
        return kept;
    }

    // Descriptors of large blocks lie further apart than a processor expects by itself. Where the blocks follow each other, the next refill's
    // will likely follow these: they are fetched already, so that they come in time.
    private void PrefetchDescriptors(uint* taken, int count, int order)
    {
        bool isRun = count > 1 && unchecked(taken[count - 1] - taken[0]) == (uint)(count - 1) << order;
        Frame* ahead = descriptors + (isRun ? count << order : 0);
        for (int i = 0; i < count; i++)
        {
            FrameTable.Prefetch(ahead + taken[i]);
        }
    }

    private const int RefillMax = 63 << PerCpuLimits.BatchScaleMax;

    // rmqueue(): a boost by a fallback wakes kswapd, once and without the lock.
    private void TellKswapd(Zone zone, AllocFlags flags)
    {
        if ((zone.Flags & ZoneFlags.BoostedWatermark) != 0 && (flags & AllocFlags.Kswapd) != 0 && zone.ClearFlag(ZoneFlags.BoostedWatermark))
        {
            Pressure.WakeKswapd(zone, Order.Zero, GfpFlags.None);
        }
    }

    /// <summary>Takes blocks of a type: those of the CPU's own part, then of the others; when the type has no more, by the full rule.</summary>
    private int TakeBlocks(PerCpuPages pages, int order, MigrateType type, AllocFlags flags, uint* taken, int count)
    {
        Zone zone = pages.Zone;
        int done = 0;
        bool mayUseCma = (flags & AllocFlags.Cma) != 0 && zone.CmaPages != 0;
        if (!mayUseCma)
        {
            int part = pages.OwnPartIndex;
            for (int i = 0; i < zone.PartCount && done < count; i++)
            {
                if (zone.Parts[part].TypeOrders[(int)type] >> order != 0)
                {
                    pages.AcquirePart(part);
                    int got = zone.Area.TakeFromPart(part, (int)type, order, taken + done, count - done);
                    zone.Parts[part].ZoneLocked = unchecked(zone.Parts[part].ZoneLocked + got);
                    pages.ReleasePart(part);
                    done += got;
                }

                part = part + 1 < zone.PartCount ? part + 1 : 0;
            }
        }

        if (done < count && (mayUseCma || HasLender(zone, type)))
        {
            zone.Acquire();
            int got = TakeByRule(zone, order, type, flags, taken + done, count - done);
            zone.Parts[pages.OwnPartIndex].ZoneLocked = unchecked(zone.Parts[pages.OwnPartIndex].ZoneLocked + got);
            zone.Release();
            done += got;
        }

        return done;
    }

    // Whether there is anything to fall back to: who locks the whole zone stops all other CPUs.
    private static bool HasLender(Zone zone, MigrateType type)
    {
        uint orders = 0;
        foreach (MigrateType lender in MigrateTypes.GetFallbacks(type))
        {
            orders |= zone.Area.OrdersOf((int)lender);
        }

        return orders != 0;
    }

    /// <summary>Takes blocks by the full rule of <c>__rmqueue</c>: the type's own, CMA's share, then other types'. The whole zone is locked.</summary>
    private int TakeByRule(Zone zone, int order, MigrateType type, AllocFlags flags, uint* taken, int count)
    {
        int done = 0;
        while (done < count)
        {
            // Half of the free memory is CMA's: movable pages go there first, to keep the rest for others.
            bool mayUseCma = (flags & AllocFlags.Cma) != 0 && zone.CmaPages != 0;
            bool isCmaFirst = mayUseCma && zone.CountFreeCma() > zone.CountFree() / 2;
            int got = isCmaFirst ? zone.Area.Take((int)MigrateType.Cma, order, taken + done, 1) : 0;
            got = got != 0 ? got : zone.Area.Take((int)type, order, taken + done, mayUseCma ? 1 : count - done);
            got = got != 0 || !mayUseCma ? got : zone.Area.Take((int)MigrateType.Cma, order, taken + done, 1);
            got = got != 0 ? got : zone.Area.TakeFallback(this, order, type, flags, taken + done);
            if (got == 0)
            {
                break;
            }

            done += got;
        }

        return done;
    }
}
