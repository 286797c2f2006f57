using Engine.Core.Cgroups;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Core.Reclaim;

/// <content>Reclaim of a memory cgroup's own pages (<c>shrink_lruvec</c>).</content>
public sealed unsafe partial class Reclaimer
{
    private const int PriorityDefault = 12; // DEF_PRIORITY
    private const long Swappiness = 60;
    private const long SwappinessWhole = 200;

    /// <summary>Frees pages that a group pays for (<c>try_to_free_mem_cgroup_pages</c>): round by round a larger part of its lists is looked at.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="cgroups">All groups.</param>
    /// <param name="group">The group.</param>
    /// <param name="wanted">Pages wanted.</param>
    /// <returns>Pages freed.</returns>
    public ulong ReclaimFrom(CpuId cpu, MemoryCgroups cgroups, MemoryCgroup group, ulong wanted)
    {
        lru.DrainAll();
        ulong freed = 0;
        for (int priority = PriorityDefault; priority >= 0 && freed < wanted; priority--)
        {
            for (int node = 0; cgroups.TryGetLists(group.Address.ToUInt64(), node, out LruVec* vec); node++)
            {
                freed += ShrinkLists(cpu, vec, priority, wanted - Math.Min(freed, wanted));
            }
        }

        return freed;
    }

    // shrink_lruvec with get_scan_count: files and anonymous pages by swappiness; in the last round all of both.
    private ulong ShrinkLists(CpuId cpu, LruVec* vec, int priority, ulong wanted)
    {
        bool canSwap = swap.FreePages > 0;
        ulong freed = 0;
        for (LruList inactive = LruList.InactiveAnon; inactive <= LruList.InactiveFile; inactive += 2)
        {
            bool isFile = inactive == LruList.InactiveFile;
            if (!isFile && !canSwap)
            {
                continue;
            }

            Age(cpu, vec, inactive, priority);
            long scan = vec->Pages[(int)inactive] >> priority;
            scan = priority == 0 ? scan : scan * (isFile ? SwappinessWhole - Swappiness : Swappiness) / SwappinessWhole;
            freed += ShrinkInactive(cpu, vec, inactive, scan, wanted - Math.Min(freed, wanted));
        }

        return freed;
    }

    // shrink_active_list, while the inactive list is the shorter one (inactive_is_low; below 1 GiB the ratio is 1).
    private void Age(CpuId cpu, LruVec* vec, LruList inactive, int priority)
    {
        LruList active = inactive + 1;
        long count = Math.Max(1, vec->Pages[(int)active] >> priority);
        while (count-- > 0 && vec->Pages[(int)inactive] < vec->Pages[(int)active])
        {
            Pfn pfn = lru.PeekTail(vec, active);
            if (pfn == Pfn.None)
            {
                return;
            }

            // Executable pages of files that were used stay active (shrink_active_list); here all others go down.
            _ = reverseMap.CountReferences(cpu, pfn, out _);
            lru.Deactivate(pfn);
        }
    }

    // shrink_inactive_list; pages are taken one at a time, where isolate_lru_folios takes a batch of 32.
    private ulong ShrinkInactive(CpuId cpu, LruVec* vec, LruList list, long scan, ulong wanted)
    {
        ulong freed = 0;
        while (scan-- > 0 && freed < wanted)
        {
            Pfn pfn = lru.PeekTail(vec, list);
            if (pfn == Pfn.None)
            {
                break;
            }

            scan -= (frames[pfn].Flags & PageFlag.Head) != 0 ? pages.GetOrder(pfn).PageCount - 1 : 0;
            uint gone = Reclaim(cpu, pfn, ignoresReferences: false);
            freed += gone;
            if (gone == 0 && lru.PeekTail(vec, list) == pfn)
            {
                lru.Rotate(pfn);
            }
        }

        return freed;
    }
}
