// How the per-CPU lists fill, grow and drain (mm/page_alloc.c: nr_pcp_alloc, nr_pcp_high, nr_pcp_free,
// free_unref_page_commit, free_pcppages_bulk, decay_pcp_high). Refill and drain move a batch under the zone's lock.

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Engine.Core.Frames;
using Engine.Core.PerCpu;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <content>The per-CPU lists' policy.</content>
public sealed unsafe partial class PageAllocator
{
    private const int DrainSlice = 256;

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

    // free_high: a batch of pages was freed, the last ones of a high order as well, and they fill the CPU's share of its cache.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsRunOfHighOrders(PerCpuState* state) =>
        state->FreeCount >= state->Batch && state->IsAfterHighOrder != 0 && state->Count >= state->FreeHighMin;

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

    /// <summary>
    /// Gives up to <paramref name="pageCount"/> pages back to the free area, coldest first, list by list beginning with the one that
    /// a block of this order and type would go to (<c>free_pcppages_bulk</c>).
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Drain(PerCpuPages pages, int pageCount, int order, int type = 0)
    {
        PerCpuState* state = pages.State;
        int left = Math.Min(pageCount, state->Count);
        if (left <= 0)
        {
            return;
        }

        uint* slice = stackalloc uint[DrainSlice];
        int list = PerCpuPages.ListOf(order, type);
        long budget = pages.EntryCount;
        for (int i = 0; i < PerCpuState.ListCount && left > 0; i++)
        {
            int listOrder = PerCpuPages.OrderOf(list);
            ref PageStack stack = ref PerCpuPages.List(state, list);
            while (left > 0 && !stack.IsEmpty)
            {
                int want = Math.Min(DrainSlice, (int)((left + (1L << listOrder) - 1) >> listOrder));
                int got = pages.PopBottom(ref stack, slice, want);
                budget -= got;
                if (got == 0 || budget < 0)
                {
                    left = budget < 0 ? 0 : left;
                    break;
                }

                ReturnSlice(pages, slice, got, listOrder);
                state->Count = unchecked(state->Count - (got << listOrder));
                left -= got << listOrder;
            }

            list = list + 1 < PerCpuState.ListCount ? list + 1 : 0;
        }
    }

    /// <summary>
    /// Puts blocks from a list into the free area, those of one word together. What they are is checked first and without the lock, which
    /// other CPUs may be waiting for.
    /// </summary>
    private void ReturnSlice(PerCpuPages pages, uint* slice, int count, int order)
    {
        pages.State->NetRefilled[order] -= count;
        pages.State->Drained += count;
        Zone zone = pages.Zone;
        FreeArea area = zone.Area;
        if (order <= FreeWord.BlockOrderMax)
        {
            ulong* masks = stackalloc ulong[DrainSlice];
            int words = Gather(zone, slice, count, order, masks);
            zone.Acquire();
            for (int i = 0; i < words; i++)
            {
                area.PutFrames(slice[i], masks[i]);
            }

            zone.Release();
            return;
        }

        int good = 0;
        for (int i = 0; i < count; i++)
        {
            if (IsOfZone(zone, slice[i]) && TakeOffList(slice[i], order))
            {
                slice[good++] = slice[i];
            }
        }

        // Buddies that follow each other go as one block, which is what they would merge to.
        const uint Pair = 1u << Order.PageBlockValue;
        zone.Acquire();
        for (int i = 0; i < good; i++)
        {
            bool isPair = order == Order.PageBlockValue && i + 1 < good && (slice[i] ^ slice[i + 1]) == Pair && AreMergeable(slice[i]);
            area.Put(isPair ? slice[i++] & ~Pair : slice[i], isPair ? Order.MaxValue : order);
        }

        zone.Release();
    }

    // Whether a pageblock and its buddy become one block as soon as both are free: of one type that merges, in one zone.
    private bool AreMergeable(uint pfn)
    {
        ref readonly PageBlock block = ref blocks[pfn >> Order.PageBlockValue];
        return block.ZoneAndType == blocks[(pfn >> Order.PageBlockValue) ^ 1].ZoneAndType && MigrateTypes.IsMergeable((MigrateType)block.Type);
    }

    /// <summary>Takes blocks of up to a word off a list and puts those together that follow each other in the same word.</summary>
    /// <param name="zone">Whose list it was.</param>
    /// <param name="slice">The blocks; gets a frame of each word.</param>
    /// <param name="count">How many blocks.</param>
    /// <param name="order">Their order.</param>
    /// <param name="masks">Gets the frames of each word.</param>
    /// <returns>How many words.</returns>
    private int Gather(Zone zone, uint* slice, int count, int order, ulong* masks)
    {
        const uint InWord = (1u << FreeWord.Shift) - 1;
        ulong block = FreeWord.BlockMask(order);
        int words = 0;
        for (int i = 0; i < count;)
        {
            // A word is not shared between zones, nor between memory and a hole.
            uint word = slice[i] & ~InWord;
            bool isOfZone = IsOfZone(zone, word);
            ulong mask = 0;
            if (order == 0 && isOfZone && count - i > (int)InWord && IsWholeWord(slice + i))
            {
                mask = ulong.MaxValue;
                i += (int)InWord + 1;
            }

            for (; mask != ulong.MaxValue && i < count && (slice[i] ^ word) <= InWord; i++)
            {
                mask |= (isOfZone || ReportBadList(slice[i], (byte)(FrameState.PerCpu | order))) && TakeOffList(slice[i], order)
                    ? block << (int)(slice[i] & InWord) : 0;
            }

            if (mask != 0)
            {
                slice[words] = word;
                masks[words++] = mask;
            }
        }

        return words;
    }

    // Whether these are the 64 frames of a word in ascending order, all of them single ones on a list; they are taken off it then.
    private bool IsWholeWord(uint* slice)
    {
        uint first = *slice;
        if ((first & 63) != 0 || slice[63] != first + 63)
        {
            return false;
        }

        // SAFETY: the caller has checked the word, and the slice has 64 entries.
        byte* bytes = states + first;
        Vector256<byte> listed = Vector256.Create(FrameState.PerCpu);
        bool isWhole = Vector256.Load(bytes) == listed && Vector256.Load(bytes + Vector256<byte>.Count) == listed;
        Vector256<uint> expected = Vector256.Create(first) + Vector256<uint>.Indices;
        for (int i = 0; i < 64; i += Vector256<uint>.Count)
        {
            isWhole &= Vector256.Load(slice + i) == expected;
            expected += Vector256.Create((uint)Vector256<uint>.Count);
        }

        if (isWhole)
        {
            // All zero is FrameState.Free.
            Vector256.Store(Vector256<byte>.Zero, bytes);
            Vector256.Store(Vector256<byte>.Zero, bytes + Vector256<byte>.Count);
        }

        return isWhole;
    }

    // What comes from a list was read from the arena: it must be a frame of this zone.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsOfZone(Zone zone, uint pfn) =>
        unchecked(pfn - firstPfn) < frameCount && blocks[pfn >> Order.PageBlockValue].ZonePlusOne == zone.Index + 1;

    // It must also be the first frame of such a block, and on a list. The caller has checked that it is a frame.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TakeOffList(uint pfn, int order)
    {
        if (states[pfn] != (FrameState.PerCpu | order) || (pfn & ((1u << order) - 1)) != 0)
        {
            return ReportBadList(pfn, (byte)(FrameState.PerCpu | order));
        }

        states[pfn] = FrameState.Free;
        return true;
    }

    /// <summary>Fills a list of a CPU from the free area (<c>rmqueue_bulk</c>); the first block taken comes out first.</summary>
    /// <returns>How many blocks came.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private int Refill(PerCpuPages pages, int order, MigrateType type, AllocFlags flags)
    {
        int recycled = Recycle(pages, order, (int)type);
        if (recycled != 0)
        {
            pages.State->Count = unchecked(pages.State->Count + (recycled << order));
            pages.State->NetRefilled[order] += recycled;
            return recycled;
        }

        int want = Math.Min(RefillCount(pages, order), RefillMax);
        uint* taken = stackalloc uint[RefillMax];
        Zone zone = pages.Zone;
        ref PageStack list = ref pages.List(PerCpuPages.ListOf(order, (int)type));
        zone.Acquire();
        int got = TakeBlocks(zone, order, type, flags, taken, want);
        zone.Release();
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
            // Further apart than a processor expects by itself.
            for (int i = got - kept; i < got; i++)
            {
                FrameTable.Prefetch(descriptors + taken[i]);
            }
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
        pages.State->NetRefilled[order] += kept;
        pages.State->Refilled += kept;
        return kept;
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

    /// <summary>Takes blocks by the full rule of <c>__rmqueue</c>: the type's own, CMA's share, then other types'. The lock is held.</summary>
    private int TakeBlocks(Zone zone, int order, MigrateType type, AllocFlags flags, uint* taken, int count)
    {
        int done = 0;
        while (done < count)
        {
            // Half of the free memory is CMA's: movable pages go there first, to keep the rest for others.
            bool mayUseCma = (flags & AllocFlags.Cma) != 0 && zone.CmaPages != 0;
            bool isCmaFirst = mayUseCma && zone.State->FreeCmaPages > zone.State->FreePages / 2;
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

        zone.State->ZoneLocked += done;
        return done;
    }
}
