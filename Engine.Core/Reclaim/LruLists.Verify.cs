using Engine.Core.Diagnostics;
using Engine.Core.Diagnostics.Procfs;
using Engine.Core.Frames;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Reclaim;

/// <content>Lists checked against descriptors and counters; what <c>/proc</c> reads.</content>
public sealed unsafe partial class LruLists
{
    /// <summary>Registers the counters of <c>meminfo</c>, <c>zoneinfo</c> and <c>vmstat</c>.</summary>
    /// <param name="counters">Of the machine's <c>/proc</c>.</param>
    public void Register(ProcCounters counters)
    {
        string[] names = ["inactive_anon", "active_anon", "inactive_file", "active_file", "unevictable"];
        for (int i = 0; i < LruVec.ListCount; i++)
        {
            LruList list = (LruList)i;
            counters.Register($"nr_{names[i]}", scope => Count(list, scope.Node, scope.Zone));
            counters.Register($"nr_zone_{names[i]}", scope => Count(list, scope.Node, scope.Zone));
        }

        counters.Register("nr_mlock", scope => CountLocked(scope.Node, scope.Zone));
        counters.Register("pgactivate", () => ActivatedPages);
        counters.Register("pgdeactivate", () => DeactivatedPages);
        counters.Register("pglazyfree", () => LazyFreePages);
    }

    /// <summary>Checks every list, every frame that says it is on one, and all counters. No CPU may be acting.</summary>
    /// <returns>What is wrong; empty where all is well.</returns>
    public IReadOnlyList<Corruption> Verify()
    {
        List<Corruption> findings = [];
        HashSet<uint> listed = [];
        for (int node = 0; node < allocator.NodeCount; node++)
        {
            VerifyVec(findings, listed, nodes + node);
        }

        Cgroups?.ForEachLists(vec => VerifyVec(findings, listed, (LruVec*)vec));
        long[] expected = new long[allocator.Zones.Count * ZoneCounters];
        for (uint i = 0; i < frames.Count; i++)
        {
            Pfn pfn = frames.First + i;
            if (!frames.IsValid(pfn) || frames[pfn].RefCount <= 0 || allocator.FindZone(pfn) is not { } zone)
            {
                continue;
            }

            ref Frame frame = ref frames[pfn];
            long pages = (long)PagesOf(pfn, ref frame);
            expected[(zone.Index * ZoneCounters) + LockedCounter] += (frame.Flags & PageFlag.Mlocked) != 0 ? pages : 0;
            if ((frame.Flags & PageFlag.Lru) == 0)
            {
                continue;
            }

            LruList list = ListOf(frame.Flags);
            expected[(zone.Index * ZoneCounters) + (int)list] += pages;
            if (list != LruList.Unevictable && !listed.Contains(pfn.Value))
            {
                findings.Add(new Corruption(CorruptionCategory.LruList, "frame that no LRU list has", pfn.Address, 1, 0));
            }
        }

        foreach (Zone zone in allocator.Zones)
        {
            for (int counter = 0; counter <= LockedCounter; counter++)
            {
                int at = (zone.Index * ZoneCounters) + counter;
                if (zoneCounts[at] != expected[at])
                {
                    findings.Add(new Corruption(
                        CorruptionCategory.Counter, "pages on an LRU list", zone.Span.Start.Address, unchecked((ulong)expected[at]), unchecked((ulong)zoneCounts[at])));
                }
            }
        }

        return findings;
    }

    private void VerifyVec(List<Corruption> findings, HashSet<uint> listed, LruVec* vec)
    {
        for (int i = 0; i < (int)LruList.Unevictable; i++)
        {
            uint previous = 0;
            uint at = vec->First[i];
            long pages = 0;
            while (at != 0)
            {
                Pfn pfn = new(at - 1);
                bool isRight = frames.IsValid(pfn) && (frames[pfn].Flags & PageFlag.Lru) != 0 && (int)ListOf(frames[pfn].Flags) == i
                    && frames[pfn].Previous == EncodeLink(previous) && VecOf(pfn, ref frames[pfn]) == vec && listed.Add(pfn.Value);
                if (!isRight)
                {
                    findings.Add(new Corruption(CorruptionCategory.LruList, "frame on an LRU list", pfn.Address, previous, at));
                    break;
                }

                pages += (long)PagesOf(pfn, ref frames[pfn]);
                previous = at;
                at = DecodeLink(frames[pfn].Next);
            }

            if (at == 0 && (pages != vec->Pages[i] || vec->Last[i] != previous))
            {
                findings.Add(new Corruption(CorruptionCategory.LruList, "pages of an LRU list", Region.Start, (ulong)pages, (ulong)vec->Pages[i]));
            }
        }
    }
}
