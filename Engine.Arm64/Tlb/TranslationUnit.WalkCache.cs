// Walk caches hold the addresses of intermediate tables, so that a walk begins near its end. An entry says: the table of level n
// for the addresses that begin with this prefix lies at this physical address. It is kept in ordinary TLB levels whose "page
// size" is what the whole table spans, so the search by ascending size finds the deepest table first.
//
// In an entry of the walk cache Delta is the table's address, and the low bits of Meta the restrictions of the tables above.

namespace Engine.Arm64.Tlb;

public sealed unsafe partial class TranslationUnit<TWalker, TObserver>
{
    private const int RestrictionShift = 59;

    private void FindStart(ulong address, ref WalkResult result)
    {
        TlbEntry* deepest = null;
        TlbLevel? source = null;
        foreach (TlbLevel cache in path.WalkCaches)
        {
            cache.Lookups++;
            TlbEntry* entry = cache.FindSmallest(address);
            if (entry == null)
            {
                cache.Misses++;
            }
            else if (deepest == null || entry->Level > deepest->Level)
            {
                deepest = entry;
                source = cache;
            }
        }

        if (deepest != null)
        {
            source!.Touch(deepest);
            result.StartLevel = deepest->Level;
            result.StartTable = deepest->Delta;
            result.StartRestrictions = (deepest->Meta & 0x1F) << RestrictionShift;
        }
    }

    // Each table that the walk met is kept by the first cache that holds tables of its level. None of them was there: the walk
    // began below the deepest one.
    private void KeepTables(ulong address, in WalkResult result)
    {
        for (int level = result.StartLevel; level < result.Level; level++)
        {
            int tableLevel = level + 1;
            TlbLevel? cache = path.WalkCacheFor(tableLevel);
            if (cache == null)
            {
                continue;
            }

            int spanLog2 = result.GranuleLog2 + ((4 - tableLevel) * (result.GranuleLog2 - 3));
            ulong meta = (result.Restrictions[level + 1] >> RestrictionShift)
                | ((ulong)(uint)spanLog2 << TlbEntry.EntrySizeShift)
                | ((ulong)(uint)spanLog2 << TlbEntry.PageSizeShift)
                | ((ulong)(uint)(tableLevel + 1) << TlbEntry.LevelShift)
                | tags;
            TlbEntry entry = TlbEntry.Create(address, spanLog2, result.NextTables[level + 1], meta);
            cache.Insert(&entry);
        }
    }
}
