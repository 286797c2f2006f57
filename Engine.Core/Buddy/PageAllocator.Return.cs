// From per-CPU lists back to the free area (mm/page_alloc.c: free_pcppages_bulk). What the lists hold is checked and gathered
// word by word first; only then is the zone's lock taken.

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Engine.Core.Frames;
using Engine.Core.PerCpu;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <content>What leaves the lists for the free area.</content>
public sealed unsafe partial class PageAllocator
{
    private const int DrainSlice = 256;

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
        pages.State->NetRefilled[order] = unchecked(pages.State->NetRefilled[order] - count);
        pages.State->Drained = unchecked(pages.State->Drained + count);
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
            if ((IsOfZone(zone, slice[i]) || ReportBadList(slice[i], (byte)(FrameState.PerCpu | order))) && TakeOffList(slice[i], order))
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
}
