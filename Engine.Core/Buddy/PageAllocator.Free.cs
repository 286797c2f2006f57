using System.Runtime.CompilerServices;
using Engine.Core.Frames;
using Engine.Core.PerCpu;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <content>What the fast paths leave to others: preparing a block, and every free that is not the common one.</content>
public sealed unsafe partial class PageAllocator
{
    // TAIL_MAPPING: what the mapping word of a tail page holds (include/linux/poison.h).
    private const ulong TailMapping = 0x400;

    /// <summary>What a tail page's <see cref="Frame.Previous"/> holds: the head's frame number above bit 0, which says tail.</summary>
    internal static ulong EncodeHead(uint head) => ((ulong)head << 1) | 1;

    /// <summary>Prepares a block as its flags demand, as the last step of an allocation (<c>prep_new_page</c>: <c>post_alloc_hook</c>, <c>prep_compound_page</c>).</summary>
    /// <returns>The block.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private Pfn Prepare(uint pfn, int order, GfpFlags gfp)
    {
        // Damaged bitmaps may name a block that leaves its bank; its owner gets it as it is.
        if (!Memory.Contains(new Pfn(pfn).Address, (ulong)Pfn.PageSizeBytes << order))
        {
            _ = ReportBadList(pfn, FrameState.Free);
            return new Pfn(pfn);
        }

        if ((gfp & GfpFlags.Zero) != 0)
        {
            Memory.ClearFrames(new Pfn(pfn), 1u << order);
        }

        if ((gfp & GfpFlags.Comp) != 0 && order != 0)
        {
            states[pfn] = (byte)(FrameState.Compound | order);
            PrepareCompound(pfn, order);
        }

        return new Pfn(pfn);
    }

    private void PrepareCompound(uint pfn, int order)
    {
        Frames[new Pfn(pfn)].Flags |= (ulong)FrameFlags.Head;
        for (uint i = 1; i < 1u << order; i++)
        {
            ref Frame tail = ref Frames[new Pfn(pfn + i)];
            tail = default;
            tail.Previous = EncodeHead(pfn);
            tail.Mapping = TailMapping;
        }

        // The low byte of the first tail's flags is the order.
        Frames[new Pfn(pfn + 1)].Flags = (ulong)order;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void FreeSlow(CpuId cpu, Pfn pfn, Order order)
    {
        if ((uint)cpu.Value >= (uint)cpuCount)
        {
            throw new ArgumentOutOfRangeException(nameof(cpu), cpu, $"the machine has {cpuCount} CPUs");
        }

        ServeInbox(cpu);
        if (!IsFreeable(pfn, order, out PerCpuPages? pages, cpu))
        {
            return;
        }

        if ((states[pfn.Value] & FrameState.Compound) == FrameState.Compound && !TryDissolve(pfn.Value, order.Value))
        {
            return;
        }

        if (checkPages && !CheckDescriptors(pfn.Value, order.Value))
        {
            Leak(pages.Zone, pfn.Value, order.Value);
            return;
        }

        int type = blocks[pfn.Value >> Order.PageBlockValue].Type;
        bool isListed = (ListedOrders >> order.Value & 1) != 0 && type != (int)MigrateType.Isolate;
        int listType = type < MigrateTypes.PerCpuCount ? type : (int)MigrateType.Movable;
        if (isListed && pages.Push(ref pages.List(PerCpuPages.ListOf(order.Value, listType)), pfn.Value))
        {
            states[pfn.Value] = (byte)(FrameState.PerCpu | order.Value);
            FrameTable.ResetFree(descriptors + pfn.Value);
            CommitFree(pages, pages.State, order.Value, listType);
            return;
        }

        pages.State->FreedElsewhere[order.Value] = unchecked(pages.State->FreedElsewhere[order.Value] + 1);
        states[pfn.Value] = FrameState.Free;
        FrameTable.ResetFree(descriptors + pfn.Value);
        pages.Zone.Acquire();
        pages.Zone.Area.Put(pfn.Value, order.Value);
        pages.Zone.Release();
    }

    private bool IsFreeable(Pfn pfn, Order order, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out PerCpuPages? pages, CpuId cpu)
    {
        pages = null;
        uint index = unchecked(pfn.Value - firstPfn);
        if (index >= frameCount || order.Value > Order.MaxValue
            || !FrameState.IsAllocated(states[pfn.Value]) || FrameState.OrderOf(states[pfn.Value]) != order.Value
            || (pfn.Value & (order.PageCount - 1)) != 0 || order.PageCount > frameCount - index)
        {
            ReportBadFree(pfn, order);
            return false;
        }

        int zone = blocks[pfn.Value >> Order.PageBlockValue].ZonePlusOne - 1;
        if (unchecked((uint)zone) >= (uint)zones.Length || !zones[zone].Span.Contains(pfn) || !zones[zone].Span.Contains(pfn + (order.PageCount - 1)))
        {
            ReportBadFree(pfn, order);
            return false;
        }

        pages = lists[(cpu.Value * zones.Length) + zone];
        return true;
    }

    // free_tail_page_prepare(): every tail must still name its head; then it is an ordinary frame again.
    private bool TryDissolve(uint pfn, int order)
    {
        for (uint i = 1; i < 1u << order; i++)
        {
            ref Frame tail = ref Frames[new Pfn(pfn + i)];
            string? wrong = ReasonOfBadTail(tail, i, pfn);
            if (wrong is not null)
            {
                ReportBadPage(wrong, pfn + i, EncodeHead(pfn), tail.Previous);
                Leak(zones[blocks[pfn >> Order.PageBlockValue].ZonePlusOne - 1], pfn, order);
                return false;
            }
        }

        for (uint i = 1; i < 1u << order; i++)
        {
            ref Frame tail = ref Frames[new Pfn(pfn + i)];
            tail.Previous = 0;
            tail.Mapping = 0;
            tail.Flags = 0;
        }

        states[pfn] = (byte)(FrameState.Allocated | order);
        return true;
    }

    // The first tail keeps how often the whole and its pages are mapped; the first two keep what their owner likes in the mapping word.
    private string? ReasonOfBadTail(in Frame tail, uint number, uint head) =>
        checkPages && number == 1 && tail.Index >> 32 != 0 ? EntireMapCount
        : checkPages && number == 1 && unchecked((uint)tail.Private) != 0 ? PagesMapped
        : number > 2 && tail.Mapping != TailMapping ? CorruptedTail
        : (tail.Previous & 1) == 0 ? TailNotSet
        : tail.Previous != EncodeHead(head) ? HeadNotConsistent
        : null;
}
