using System.Runtime.CompilerServices;
using Engine.Core.Cgroups;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Reclaim;

/// <content>Links, batches and counters.</content>
public sealed unsafe partial class LruLists
{
    /// <summary>The lists that a frame is on, or would be: its node's, or those of the memory cgroup that pays for it (<c>folio_lruvec</c>).</summary>
    internal LruVec* VecOf(Pfn pfn, ref Frame frame) => VecOf(allocator.FindZone(pfn), ref frame);

    private LruVec* VecOf(Zone? zone, ref Frame frame)
    {
        int node = zone?.Node ?? 0;
        return frame.MemcgData != 0 && Cgroups is { } cgroups && cgroups.TryGetLists(frame.MemcgData, node, out LruVec* lists) ? lists : nodes + node;
    }

    /// <summary>The lists of a node, of pages that no memory cgroup pays for.</summary>
    internal LruVec* VecOfNode(int node) => nodes + node;

    /// <summary>The memory cgroups, whose lists are in their records; null where the machine has none.</summary>
    internal MemoryCgroups? Cgroups { get; set; }

    /// <summary>The frame at the tail of a list: the next that reclaim looks at. It stays there.</summary>
    /// <returns><see cref="Pfn.None"/> where the list is empty, or its tail is garbage, which was reported.</returns>
    internal Pfn PeekTail(LruVec* vec, LruList list)
    {
        uint last = vec->Last[(int)list];
        if (last == 0)
        {
            return Pfn.None;
        }

        Pfn pfn = new(last - 1);
        if (frames.IsValid(pfn) && (frames[pfn].Flags & PageFlag.Lru) != 0)
        {
            return pfn;
        }

        Report("tail of an LRU list", pfn, 0, last);
        vec->First[(int)list] = 0;
        vec->Last[(int)list] = 0;
        return Pfn.None;
    }

    internal void Acquire()
    {
        if (Interlocked.CompareExchange(ref gate.Value, 1, 0) != 0)
        {
            AcquireContended();
        }
    }

    internal void Release() => Volatile.Write(ref gate.Value, 0);

    private static ulong EncodeLink(uint framePlusOne) => (ulong)framePlusOne << 1;

    private static ulong EncodeWaiting(int cpu, uint place) => WaitingMark | ((((ulong)(uint)cpu << WaitingShift) | place) << 1);

    private static uint DecodeLink(ulong link) => link >> 1 <= uint.MaxValue && (link & 1) == 0 ? (uint)(link >> 1) : uint.MaxValue;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AcquireContended()
    {
        SpinWait spin = default;
        while (Volatile.Read(ref gate.Value) != 0 || Interlocked.CompareExchange(ref gate.Value, 1, 0) != 0)
        {
            spin.SpinOnce(sleep1Threshold: -1);
        }
    }

    // The frame that fills the batch, or a large folio: everything that waits goes with it.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AddLast(CpuId cpu, Pfn pfn)
    {
        DrainBatch(batches + cpu.Value, cpu.Value);
        Acquire();
        LinkNew(pfn, ref frames[pfn]);
        Release();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void DrainBatch(LruBatch* batch, int cpu)
    {
        uint count = Math.Min(batch->Count, LruBatch.FrameMax);
        Acquire();
        for (uint i = 0; i < count; i++)
        {
            uint frame = batch->Frames[i];
            Pfn pfn = new(frame);
            if (frame == Pfn.None.Value)
            {
                continue; // it was freed meanwhile
            }

            if (!frames.IsValid(pfn) || frames[pfn].Next != EncodeWaiting(cpu, i))
            {
                Report("frame in an LRU batch", pfn, EncodeWaiting(cpu, i), frame);
                continue;
            }

            LinkNew(pfn, ref frames[pfn]);
        }

        batch->Count = 0;
        Release();
    }

    // A frame that waits leaves its batch. Its link may be garbage: then the batch has another frame there, or none.
    private void LeaveBatch(Pfn pfn, ref Frame frame)
    {
        ulong link = frame.Next;
        ulong at = (link & ~WaitingMark) >> 1;
        ulong cpu = at >> WaitingShift;
        uint place = (uint)(at & ((1u << WaitingShift) - 1));
        frame.Next = 0;
        Acquire();
        bool isThere = (link & WaitingMark) != 0 && (link & 1) == 0 && cpu < (ulong)cpuCount && place < LruBatch.FrameMax
            && batches[cpu].Frames[place] == pfn.Value;
        if (isThere)
        {
            batches[cpu].Frames[place] = Pfn.None.Value;
        }

        Release();
        if (!isThere)
        {
            Report("link of a frame on no LRU list", pfn, 0, link);
        }
    }

    // list_add, lruvec_add_folio. With the lock held.
    private void LinkFirst(Pfn pfn, ref Frame frame)
    {
        LruList list = ListOf(frame.Flags);
        Zone? zone = allocator.FindZone(pfn);
        LruVec* vec = VecOf(zone, ref frame);
        frame.Flags |= PageFlag.Lru;
        CountList(pfn, ref frame, zone, vec, list, 1);
        if (list == LruList.Unevictable)
        {
            return;
        }

        uint first = vec->First[(int)list];
        if (first != 0 && !frames.IsValid(new Pfn(first - 1)))
        {
            Report("head of an LRU list", pfn, 0, first);
            first = 0;
        }

        frame.Next = EncodeLink(first);
        frame.Previous = 0;
        vec->First[(int)list] = pfn.Value + 1;
        if (first == 0)
        {
            vec->Last[(int)list] = pfn.Value + 1;
        }
        else
        {
            frames[new Pfn(first - 1)].Previous = EncodeLink(pfn.Value + 1);
        }
    }

    // list_del, lruvec_del_folio. With the lock held.
    private void Unlink(Pfn pfn, ref Frame frame, LruList list)
    {
        Zone? zone = allocator.FindZone(pfn);
        LruVec* vec = VecOf(zone, ref frame);
        CountList(pfn, ref frame, zone, vec, list, -1);
        if (list == LruList.Unevictable)
        {
            return;
        }

        uint next = DecodeLink(frame.Next);
        uint previous = DecodeLink(frame.Previous);
        frame.Next = 0;
        frame.Previous = 0;
        ref uint backOfNext = ref vec->Last[(int)list];
        ref uint forthOfPrevious = ref vec->First[(int)list];
        ulong self = EncodeLink(pfn.Value + 1);
        bool isNextRight = next == 0 ? backOfNext == pfn.Value + 1 : frames.IsValid(new Pfn(next - 1)) && frames[new Pfn(next - 1)].Previous == self;
        bool isPreviousRight = previous == 0
            ? forthOfPrevious == pfn.Value + 1 : frames.IsValid(new Pfn(previous - 1)) && frames[new Pfn(previous - 1)].Next == self;
        if (!isNextRight || !isPreviousRight)
        {
            Report("list_del corruption", pfn, next, previous);
            return;
        }

        if (next == 0)
        {
            backOfNext = previous;
        }
        else
        {
            frames[new Pfn(next - 1)].Previous = EncodeLink(previous);
        }

        if (previous == 0)
        {
            forthOfPrevious = next;
        }
        else
        {
            frames[new Pfn(previous - 1)].Next = EncodeLink(next);
        }
    }

    private void CountList(Pfn pfn, ref Frame frame, Zone? zone, LruVec* vec, LruList list, int sign)
    {
        long pages = sign * (long)PagesOf(pfn, ref frame);
        vec->Pages[(int)list] += pages;
        if (zone is not null)
        {
            zoneCounts[(zone.Index * ZoneCounters) + (int)list] += pages;
        }
    }

    private void CountZone(Pfn pfn, int counter, long pages)
    {
        if (allocator.FindZone(pfn) is { } zone)
        {
            Interlocked.Add(ref zoneCounts[(zone.Index * ZoneCounters) + counter], pages);
        }
    }

    private ulong Sum(int counter, int? node, ZoneType? type)
    {
        long sum = 0;
        foreach (Zone zone in allocator.Zones)
        {
            if ((node is null || zone.Node == node) && (type is null || zone.Type == type))
            {
                sum += Volatile.Read(ref zoneCounts[(zone.Index * ZoneCounters) + counter]);
            }
        }

        return (ulong)Math.Max(0, sum);
    }

    private void Report(string reason, Pfn pfn, ulong expected, ulong found) =>
        log.Report(new Corruption(CorruptionCategory.LruList, reason, pfn.Address, expected, found));
}
