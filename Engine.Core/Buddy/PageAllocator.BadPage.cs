// What is wrong with a page, in the words of the kernel's "BUG: Bad page state" (mm/page_alloc.c: page_bad_reason,
// free_tail_page_prepare). Linux sees it in flags, counts and links of the descriptor; here the dense state knows as well, so the
// reason is the word that Linux's descriptor of such a page would give:
//   a block that is free already          its page type lies in the word of the mapcount   nonzero mapcount
//   a block on a per-CPU list             its last reference is gone                       nonzero _refcount
//   a frame of boot, a hole, no memory    PG_reserved                                      PAGE_FLAGS_CHECK_AT_FREE flag(s) set
//   a frame inside a larger block         a tail, whose head is another page               compound_head not consistent
//   a smaller block than was freed        what follows is not its tail                     PageTail not set

using System.Runtime.CompilerServices;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <content>Bad pages.</content>
public sealed unsafe partial class PageAllocator
{
    internal const string NonzeroMapCount = "nonzero mapcount";
    internal const string NonzeroRefCount = "nonzero _refcount";
    internal const string NonNullMapping = "non-NULL mapping";
    internal const string FlagsAtFree = "PAGE_FLAGS_CHECK_AT_FREE flag(s) set";
    internal const string FlagsAtPrep = "PAGE_FLAGS_CHECK_AT_PREP flag set";
    internal const string StillCharged = "page still charged to cgroup";
    internal const string HeadNotConsistent = "compound_head not consistent";
    internal const string TailNotSet = "PageTail not set";
    internal const string EntireMapCount = "nonzero entire_mapcount";
    internal const string PagesMapped = "nonzero nr_pages_mapped";
    internal const string CorruptedTail = "corrupted mapping in tail page";

    /// <summary>The first frame and order of the allocated block that a frame belongs to.</summary>
    /// <returns>False where the frame is not part of an allocated block.</returns>
    public bool TryFindBlock(Pfn pfn, out Pfn head, out Order order)
    {
        for (int k = 0; k <= Order.MaxValue; k++)
        {
            uint first = pfn.Value & ~((1u << k) - 1);
            if (unchecked(first - firstPfn) < frameCount
                && FrameState.IsAllocated(states[first]) && first + (1u << FrameState.OrderOf(states[first])) > pfn.Value)
            {
                head = new Pfn(first);
                order = new Order(FrameState.OrderOf(states[first]));
                return true;
            }
        }

        head = Pfn.None;
        order = default;
        return false;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ReportBadFree(Pfn pfn, Order order)
    {
        string reason = ReasonOfBadFree(pfn, order);
        byte found = unchecked(pfn.Value - firstPfn) < frameCount ? states[pfn.Value] : (byte)0;
        ReportBadPage(reason, pfn.Value, (ulong)(FrameState.Allocated | (order.Value & 0xf)), found);
    }

    private string ReasonOfBadFree(Pfn pfn, Order order)
    {
        if (!Frames.IsValid(pfn) || order.Value > Order.MaxValue)
        {
            return FlagsAtFree;
        }

        byte state = states[pfn.Value];
        if (FrameState.IsAllocated(state))
        {
            return FrameState.OrderOf(state) < order.Value ? TailNotSet : HeadNotConsistent;
        }

        if (FrameState.Is(state, FrameState.PerCpu) || FrameState.Is(state, FrameState.Deferred) || FrameState.Is(state, FrameState.Leaked)
            || state is FrameState.Diced or FrameState.Held)
        {
            return NonzeroRefCount;
        }

        if (state == FrameState.Reserved || FindZone(pfn) is not { } zone)
        {
            return FlagsAtFree;
        }

        return TryFindBlock(pfn, out _, out _) ? HeadNotConsistent : zone.Area.IsFree(pfn.Value) ? NonzeroMapCount : NonzeroRefCount;
    }

    private void ReportBadPage(string reason, uint pfn, ulong expected, ulong found) =>
        Log.Report(new Corruption(CorruptionCategory.BadPageState, reason, new Pfn(pfn).Address, expected, found));

    // A block whose descriptor is wrong is never used again.
    private void Leak(Zone zone, uint pfn, int order)
    {
        states[pfn] = (byte)(FrameState.Leaked | order);
        Interlocked.Add(ref zone.State->LeakedPages, 1L << order);
    }

    /// <summary>
    /// Whether the descriptors of a block are those of a page that may be freed (<c>free_page_is_bad</c>). A page whose memory failed may
    /// not, which is no news (<c>free_pages_prepare</c>).
    /// </summary>
    private bool CheckDescriptors(uint pfn, int order)
    {
        if (order == 0 && (Frames[new Pfn(pfn)].Flags & (ulong)FrameFlags.HwPoison) != 0)
        {
            return false;
        }

        for (uint i = 0; i < 1u << order; i++)
        {
            ref Frame frame = ref Frames[new Pfn(pfn + i)];
            if (IsBad(frame, pfn + i, i == 0 ? 1 : 0, FrameFlags.CheckAtFree, FlagsAtFree, isOwned: true))
            {
                return false;
            }
        }

        // What else the owner had set there: a new owner must not find it.
        for (uint i = 1; i < 1u << order; i++)
        {
            Frames[new Pfn(pfn + i)].Flags &= ~(ulong)FrameFlags.CheckAtPrep;
        }

        return true;
    }

    /// <summary>
    /// Whether the descriptors of a free block are those of one that may be handed out (<c>check_new_pages</c>); a bad block is reported
    /// and leaks. Mapping and memory cgroup of the last owner stay in a freed descriptor here and are not looked at.
    /// </summary>
    private bool CheckNew(Zone zone, uint pfn, int order)
    {
        for (uint i = 0; i < 1u << order && unchecked(pfn + i - firstPfn) < frameCount; i++)
        {
            ref Frame frame = ref descriptors[pfn + i];
            bool isPoisoned = (frame.Flags & (ulong)FrameFlags.HwPoison) != 0;
            if (isPoisoned || IsBad(frame, pfn + i, 0, FrameFlags.CheckAtPrep, FlagsAtPrep, isOwned: false))
            {
                Leak(zone, pfn, order);
                return false;
            }
        }

        return true;
    }

    // page_bad_reason(): of several reasons the last one is named.
    private bool IsBad(in Frame frame, uint pfn, int references, FrameFlags forbidden, string flagsReason, bool isOwned)
    {
        (string? reason, ulong found) = isOwned && frame.MemcgData != 0 ? (StillCharged, frame.MemcgData)
            : (frame.Flags & (ulong)forbidden) != 0 ? (flagsReason, frame.Flags)
            : frame.RefCount != 0 && frame.RefCount != references ? (NonzeroRefCount, unchecked((uint)frame.RefCount))
            : isOwned && frame.Mapping != 0 ? (NonNullMapping, frame.Mapping)
            : frame.MapCount != 0 ? (NonzeroMapCount, unchecked((uint)frame.MapCount))
            : ((string?)null, 0UL);
        if (reason is not null)
        {
            ReportBadPage(reason, pfn, 0, found);
        }

        return reason is not null;
    }

    // A list or the free area named a frame that is not what it should be. It is left alone.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool ReportBadList(uint pfn, byte expected)
    {
        byte found = unchecked(pfn - firstPfn) < frameCount ? states[pfn] : (byte)0xff;
        Log.Report(new Corruption(
            FrameState.Is(expected, FrameState.PerCpu) ? CorruptionCategory.PerCpuList : CorruptionCategory.FreeArea,
            FrameState.IsAllocated(found) ? NonzeroRefCount : NonzeroMapCount,
            new Pfn(pfn).Address,
            expected,
            found));
        return false;
    }

    /// <summary>The zone of a frame, or null where no zone has it.</summary>
    public Zone? FindZone(Pfn pfn)
    {
        if (unchecked(pfn.Value - firstPfn) >= frameCount)
        {
            return null;
        }

        int index = blocks[pfn.Value >> Order.PageBlockValue].ZonePlusOne - 1;
        return unchecked((uint)index) < (uint)zones.Length && zones[index].Span.Contains(pfn) ? zones[index] : null;
    }
}
