using Engine.Arm64.Tlb;

namespace Engine.PropertyTests.Tlb;

/// <summary>Nested walks, with walk caches and the cache of stage 2 as naive levels, counting every descriptor.</summary>
internal sealed class NaiveNestedWalker
{
    private readonly GuestMemory memory;
    private readonly TlbGeometry geometry;
    private readonly NaiveBug bug;

    public NaiveNestedWalker(GuestMemory memory, TlbGeometry geometry, NaiveBug bug)
    {
        this.memory = memory;
        this.geometry = geometry;
        this.bug = bug;
        WalkCaches = [.. geometry.WalkCaches.Select(cache => new NaiveLevel(cache.ToLevel(), 0, bug))];
        IpaCache = geometry.IpaCache is { } shape ? new NaiveLevel(shape.ToLevel() with { HoldsContiguousRuns = false }, 0, bug) : null;
    }

    public NaiveLevel[] WalkCaches { get; }

    public NaiveLevel? IpaCache { get; }

    public ushort Asid { get; set; }

    public ushort Vmid { get; set; }

    /// <summary>Whether the guest runs under stage 2.</summary>
    public bool IsNested { get; init; } = true;

    /// <summary>Descriptors read, by stage (0, 1) and level.</summary>
    public long[,] Reads { get; } = new long[2, 4];

    public NaiveMapping? Find(ulong va)
    {
        (int level, ulong table) = FindStart(va);
        for (; ; level++)
        {
            int shift = 12 + (9 * (3 - level));
            ulong slot = table + ((va >> shift) % 512 * 8);
            if (bug != NaiveBug.TablesNotTranslated)
            {
                if (Stage2(slot) is not { } place)
                {
                    return null;
                }

                slot = place.Output + (slot % (1UL << place.PageLog2));
            }

            Reads[0, level]++;
            ulong descriptor = memory.Read(slot);
            if ((descriptor & 1) == 0)
            {
                return null;
            }

            if (level < 3 && (descriptor & 2) != 0)
            {
                table = descriptor & 0xFFFF_FFFF_F000;
                Keep(va, level + 1, table);
                continue;
            }

            ulong ipa = (descriptor & 0xFFFF_FFFF_F000) + (va % (1UL << shift));
            if (Stage2(ipa) is not { } leaf)
            {
                return null;
            }

            int run = ((descriptor >> 52) & 1) != 0 ? shift + 4 : shift;
            ulong output = leaf.Output + (ipa % (1UL << leaf.PageLog2));
            return new NaiveMapping(unchecked(output - (va % (1UL << shift))), shift, run, 0, true, ((descriptor >> 11) & 1) == 0, level)
            {
                CapLog2 = Math.Min(run, leaf.RunLog2),
            };
        }
    }

    public void InvalidateTables(ulong start, ulong last, ushort? asid, ushort? vmid, bool keepsGlobal = false)
    {
        foreach (NaiveLevel cache in WalkCaches)
        {
            cache.Remove(entry => NaiveUnit.Matches(entry, start, last, asid, vmid, keepsGlobal, bug));
        }
    }

    public void InvalidateIntermediate(ulong start, ulong last, ushort? vmid)
    {
        if (bug != NaiveBug.IpaCacheStays)
        {
            IpaCache?.Remove(entry => NaiveUnit.Matches(entry, start, last, null, vmid, false, bug));
        }
    }

    private (int Level, ulong Table) FindStart(ulong va)
    {
        NaiveEntry? deepest = null;
        NaiveLevel? source = null;
        foreach (NaiveLevel cache in WalkCaches)
        {
            cache.Lookups++;
            NaiveEntry? found = bug == NaiveBug.WalkCacheIgnoresAsid
                ? Enumerable.Range(0, GuestMemory.AsidCount).Select(asid => cache.Find(va, (ushort)asid, Vmid)).FirstOrDefault(entry => entry is not null)
                : cache.Find(va, Asid, Vmid);
            cache.Misses += found is null ? 1u : 0u;
            if (found is not null && (deepest is null || found.Mapping.Level > deepest.Mapping.Level))
            {
                (deepest, source) = (found, cache);
            }
        }

        if (deepest is null)
        {
            return (0, memory.Stage1Roots[Vmid % GuestMemory.VmCount, Asid]);
        }

        if (bug != NaiveBug.WalkCacheHitDoesNotRefresh)
        {
            source!.Use(deepest);
        }

        return (deepest.Mapping.Level, deepest.Mapping.Output);
    }

    private void Keep(ulong va, int tableLevel, ulong table)
    {
        int index = geometry.WalkCaches.ToList().FindIndex(cache => ((cache.TableLevels >> (tableLevel + 1)) & 1) != 0);
        if (index >= 0)
        {
            int span = 12 + (9 * (4 - tableLevel));
            WalkCaches[index].Fill(va, new NaiveMapping(table, span, span, 0, true, false, tableLevel), 63, 0, Asid, Vmid, out _);
        }
    }

    // The page or block that holds an intermediate address: where it is, its size and its run's.
    private NaiveMapping? Stage2(ulong ipa)
    {
        if (!IsNested)
        {
            return new NaiveMapping(ipa >> 30 << 30, 30, 60, 0, true, true, 1);
        }

        if (IpaCache is not null)
        {
            IpaCache.Lookups++;
            NaiveEntry? known = bug == NaiveBug.IpaCacheIgnoresVmid
                ? IpaCache.Find(ipa, 0, 0) ?? IpaCache.Find(ipa, 0, 1)
                : IpaCache.Find(ipa, 0, Vmid);
            if (known is not null)
            {
                IpaCache.Use(known);
                return known.Mapping;
            }

            IpaCache.Misses++;
        }

        ulong table = memory.Stage2Roots[Vmid % GuestMemory.VmCount];
        for (int level = 1; ; level++)
        {
            int shift = 12 + (9 * (3 - level));
            Reads[1, level]++;
            ulong descriptor = memory.Read(table + ((level == 1 ? ipa >> shift : (ipa >> shift) % 512) * 8));
            if ((descriptor & 1) == 0)
            {
                return null;
            }

            table = descriptor & 0xFFFF_FFFF_F000;
            if (level == 3 || (descriptor & 2) == 0)
            {
                NaiveMapping leaf = new(table, shift, ((descriptor >> 52) & 1) != 0 ? shift + 4 : shift, 0, true, true, level);
                IpaCache?.Fill(ipa, leaf, 63, 0, 0, Vmid, out _);
                return leaf;
            }
        }
    }
}
