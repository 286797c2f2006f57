// Emptying per-CPU lists. A CPU empties its own at once. Another CPU's lists belong to that CPU: it is asked through its inbox
// (one atomic OR) and does it at its next operation. In deterministic mode one host thread drives all CPUs, so that no one else can
// be using the lists, and they are emptied at once.

using Engine.Core.PerCpu;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <content>Drains.</content>
public sealed unsafe partial class PageAllocator
{
    /// <summary>Gives all pages on a CPU's lists back to the free area (<c>drain_local_pages</c>). Called by the CPU's owner.</summary>
    public void DrainLocal(CpuId cpu)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(cpu.Value, cpuCount, nameof(cpu));
        for (int i = 0; i < zones.Length; i++)
        {
            PerCpuPages pages = lists[(cpu.Value * zones.Length) + i];
            Interlocked.And(ref pages.State->Inbox, ~(int)InboxRequests.Drain);
            DrainWhole(pages);
        }
    }

    /// <summary>Asks every CPU to empty its lists (<c>drain_all_pages</c>); the acting CPU's are empty on return, in deterministic mode all are.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    public void DrainAll(CpuId cpu)
    {
        DrainLocal(cpu);
        for (int each = 0; each < cpuCount; each++)
        {
            ReturnPending(each);
        }

        for (int other = 0; other < cpuCount; other++)
        {
            if (other == cpu.Value)
            {
                continue;
            }

            if (Options.IsDeterministic)
            {
                DrainLocal(new CpuId(other));
                continue;
            }

            for (int i = 0; i < zones.Length; i++)
            {
                Interlocked.Or(ref lists[(other * zones.Length) + i].State->Inbox, (int)InboxRequests.Drain);
            }
        }
    }

    // What other CPUs asked of this one since its last operation.
    private void ServeInbox(CpuId cpu)
    {
        for (int i = 0; i < zones.Length; i++)
        {
            PerCpuPages pages = lists[(cpu.Value * zones.Length) + i];
            if (Volatile.Read(ref pages.State->Inbox) != 0 && (Interlocked.Exchange(ref pages.State->Inbox, 0) & (int)InboxRequests.Drain) != 0)
            {
                DrainWhole(pages);
            }
        }
    }

    private void DrainWhole(PerCpuPages pages)
    {
        for (int list = 0; list < PerCpuState.ListCount; list++)
        {
            int order = PerCpuPages.OrderOf(list);
            DrainList(pages, list, order);
        }

        // Whatever a broken list has lost is no longer on it.
        pages.State->Count = 0;
    }

    private void DrainList(PerCpuPages pages, int list, int order)
    {
        uint* slice = stackalloc uint[DrainSlice];
        ref PageStack stack = ref pages.List(list);
        for (long left = pages.EntryCount; !stack.IsEmpty;)
        {
            int got = pages.PopBottom(ref stack, slice, DrainSlice);
            ReturnSlice(pages, slice, got, order);
            left -= got;
            if (left < 0)
            {
                _ = pages.Broken(ref stack);
            }
        }
    }

    /// <summary>
    /// What a CPU does for its lists once a second (<c>refresh_cpu_vm_stats</c>): the limit falls by an eighth towards its minimum and
    /// the lists shrink with it (<c>decay_pcp_high</c>); lists of a remote node that were not used for three ticks are drained.
    /// </summary>
    public void Tick(CpuId cpu)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(cpu.Value, cpuCount, nameof(cpu));
        foreach (Zone zone in zones)
        {
            PerCpuPages pages = lists[(cpu.Value * zones.Length) + zone.Index];
            DecayHigh(pages);
            PerCpuState* state = pages.State;
            if (zone.Node == cpuNodes[cpu.Value] || state->Count == 0)
            {
                state->Expire = 0;
                continue;
            }

            state->Expire = state->Expire == 0 ? RemoteExpireTicks : unchecked(state->Expire - 1);
            if (state->Expire == 0)
            {
                Drain(pages, Math.Min(state->Count, state->Batch), 0);
            }
        }
    }

    /// <summary>Sets the limit of a CPU's lists, which use tunes otherwise (<c>pcp-&gt;high</c>): to begin where a recorded machine was. Called by the CPU's owner.</summary>
    /// <param name="cpu">The owner.</param>
    /// <param name="zone">The zone that the lists serve.</param>
    /// <param name="pageCount">The limit in pages; kept between the zone's least and most.</param>
    public void SetListLimit(CpuId cpu, Zone zone, int pageCount)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(cpu.Value, cpuCount, nameof(cpu));
        PerCpuState* state = lists[(cpu.Value * zones.Length) + zone.Index].State;
        state->High = Math.Max(state->HighMin, Math.Min(pageCount, state->HighMax));
    }

    private const int RemoteExpireTicks = 3;

    private void DecayHigh(PerCpuPages pages)
    {
        PerCpuState* state = pages.State;
        int batch = state->Batch;
        if (state->High > state->HighMin)
        {
            int lowered = unchecked(Math.Max(state->Count - (batch << PerCpuLimits.BatchScaleMax), state->High - (state->High >> 3)));
            state->High = Math.Max(lowered, state->HighMin);
        }

        int surplus = unchecked(state->Count - state->High);
        if (surplus > 0)
        {
            Drain(pages, surplus, 0);
        }
    }
}
