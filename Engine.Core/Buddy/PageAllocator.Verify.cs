// Every frame is accounted for: free exactly once, or on exactly one list, or in exactly one allocated block; and every fast
// counter equals what a walk over the slow truth gives. For tests, the fuzzer and the command line; no CPU may be acting meanwhile.

using Engine.Core.Arena;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.PerCpu;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <content>Verify.</content>
public sealed unsafe partial class PageAllocator
{
    private const int FindingsMax = 64;

    /// <summary>Recomputes every counter from the slow truth and checks that each managed frame has exactly one place.</summary>
    /// <returns>What does not agree, at most 64 findings; empty when all is well. Nothing is reported to the log.</returns>
    public IReadOnlyList<Corruption> Verify()
    {
        List<Corruption> findings = [];
        Dictionary<uint, int> listed = CollectLists(findings);
        foreach (Zone zone in zones)
        {
            zone.Area.Verify(findings);
            VerifyFrames(zone, listed, findings);
            VerifyCounters(zone, findings);
        }

        foreach ((uint pfn, int _) in listed)
        {
            Add(findings, CorruptionCategory.PerCpuList, "a list holds a frame of no zone", pfn, 0, 0);
        }

        return findings.Count <= FindingsMax ? findings : findings.GetRange(0, FindingsMax);
    }

    // All blocks that lists, deferred frees and diced batches hold: first frame and order.
    private Dictionary<uint, int> CollectLists(List<Corruption> findings)
    {
        Dictionary<uint, int> listed = [];
        foreach (PerCpuPages pages in lists)
        {
            int count = 0;
            for (int list = 0; list < PerCpuState.ListCount; list++)
            {
                int order = PerCpuPages.OrderOf(list);
                foreach (uint pfn in pages.Enumerate(list))
                {
                    count += 1 << order;
                    CollectOne(listed, pfn, order, (byte)(FrameState.PerCpu | order), findings);
                    if (FindZone(new Pfn(pfn)) != pages.Zone)
                    {
                        Add(findings, CorruptionCategory.PerCpuList, "a frame of another zone is on a list", pfn, (ulong)pages.Zone.Index, 0);
                    }
                }
            }

            if (count != pages.State->Count)
            {
                Add(findings, CorruptionCategory.Counter, $"pages on the lists of CPU {pages.Cpu}", 0, (ulong)count, (ulong)(uint)pages.State->Count);
            }
        }

        foreach (DeferredRing ring in deferred)
        {
            ulong pending = 0;
            foreach ((uint pfn, int order) in ring.Enumerate())
            {
                pending += 1UL << order;
                CollectOne(listed, pfn, order, (byte)(FrameState.Deferred | order), findings);
            }

            if (pending != ring.PendingPages)
            {
                Add(findings, CorruptionCategory.Counter, "pages whose freeing was put off", 0, pending, ring.PendingPages);
            }
        }

        foreach (uint pfn in diced.SelectMany(batch => batch.Peek()))
        {
            CollectOne(listed, pfn, 0, FrameState.Diced, findings);
        }

        return listed;
    }

    private void CollectOne(Dictionary<uint, int> listed, uint pfn, int order, byte state, List<Corruption> findings)
    {
        if (!listed.TryAdd(pfn, order))
        {
            Add(findings, CorruptionCategory.PerCpuList, "a frame is on two lists", pfn, 1, 2);
        }

        if (!Frames.IsInTable(new Pfn(pfn)) || states[pfn] != state)
        {
            Add(findings, CorruptionCategory.PerCpuList, "the state of a frame on a list", pfn, state, Frames.IsInTable(new Pfn(pfn)) ? states[pfn] : 0xffUL);
        }
    }

    // What follows from the pageblocks' types, and what the fast paths compare with.
    private static void VerifyCounters(Zone zone, List<Corruption> findings)
    {
        Span<long> pageBlocks = stackalloc long[MigrateTypes.Count];
        zone.Area.CountPageBlocks(pageBlocks);
        Compare("pages of the high-atomic reserve", pageBlocks[(int)MigrateType.HighAtomic] << Order.PageBlockValue, zone.State->ReservedHighAtomic);
        Compare("isolated pageblocks", pageBlocks[(int)MigrateType.Isolate], zone.State->IsolatedPageBlocks);
        for (int highest = 0; highest < ZoneTypes.Count; highest++)
        {
            Compare("what the fast path compares free memory with", zone.ComputeFastMark(highest), zone.State->FastMark[highest]);
        }

        void Compare(string what, long expected, long found)
        {
            if (expected != found)
            {
                Add(findings, CorruptionCategory.Counter, $"{what} of {zone}", zone.Span.Start.Value, unchecked((ulong)expected), unchecked((ulong)found));
            }
        }
    }

    // Walks the zone's managed frames block by block.
    private void VerifyFrames(Zone zone, Dictionary<uint, int> listed, List<Corruption> findings)
    {
        ulong leaked = 0;
        foreach ((uint from, uint end) in PresentRanges(zone))
        {
            for (uint pfn = from; pfn < end && findings.Count < FindingsMax;)
            {
                byte state = states[pfn];
                uint step = 1;
                bool mustBeFree = false;
                if (FrameState.IsAllocated(state))
                {
                    step = 1u << FrameState.OrderOf(state);
                }
                else if (listed.Remove(pfn, out int order))
                {
                    step = 1u << order;
                }
                else if (state == FrameState.Free)
                {
                    mustBeFree = true;
                }
                else if (FrameState.Is(state, FrameState.Leaked))
                {
                    step = 1u << Math.Min(FrameState.OrderOf(state), Order.MaxValue);
                    leaked += step;
                }
                else if (state != FrameState.Reserved)
                {
                    Add(findings, CorruptionCategory.BadPageState, "a frame on no list has the state of one", pfn, FrameState.Free, state);
                }

                VerifyBlock(zone, pfn, step, mustBeFree, findings);
                pfn += step;
            }
        }

        if (leaked != unchecked((ulong)zone.State->LeakedPages))
        {
            Add(findings, CorruptionCategory.Counter, $"leaked pages of {zone}", zone.Span.Start.Value, leaked, unchecked((ulong)zone.State->LeakedPages));
        }
    }

    private void VerifyBlock(Zone zone, uint pfn, uint length, bool mustBeFree, List<Corruption> findings)
    {
        for (uint i = 0; i < length; i++)
        {
            if (!zone.Span.Contains(new Pfn(pfn + i)))
            {
                Add(findings, CorruptionCategory.BadPageState, "a block leaves its zone", pfn + i, pfn, length);
                return;
            }

            if (zone.Area.IsFree(pfn + i) != mustBeFree)
            {
                Add(findings, CorruptionCategory.FreeArea, mustBeFree ? "a frame is lost" : "a frame in use is free", pfn + i, mustBeFree ? 1UL : 0, mustBeFree ? 0UL : 1);
                return;
            }

            if (i != 0 && states[pfn + i] != FrameState.Free)
            {
                Add(findings, CorruptionCategory.BadPageState, "a frame inside a block has a state of its own", pfn + i, FrameState.Free, states[pfn + i]);
                return;
            }
        }
    }

    private List<(uint From, uint End)> PresentRanges(Zone zone)
    {
        List<(uint, uint)> ranges = [];
        foreach (MemoryBank bank in Memory.Banks)
        {
            uint from = Math.Max(bank.Start.Pfn.Value, zone.Span.Start.Value);
            uint end = Math.Min((uint)(bank.End.ToUInt64() >> Pfn.PageShift), zone.Span.End.Value);
            if (bank.Node == zone.Node && from < end)
            {
                ranges.Add((from, end));
            }
        }

        return ranges;
    }

    private static void Add(List<Corruption> findings, CorruptionCategory category, string reason, uint pfn, ulong expected, ulong found) =>
        findings.Add(new Corruption(category, reason, new Pfn(pfn).Address, expected, found));
}
