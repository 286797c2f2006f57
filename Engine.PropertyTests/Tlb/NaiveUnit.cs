using Engine.Arm64.Tlb;
using Engine.Arm64.Translation;

namespace Engine.PropertyTests.Tlb;

/// <summary>A translation unit made of naive levels.</summary>
internal sealed class NaiveUnit
{
    private readonly Func<ulong, NaiveMapping?> walk;
    private readonly NaiveBug bug;

    public NaiveUnit(TlbGeometry geometry, NaiveTables tables, ulong seed, NaiveBug bug)
        : this(geometry, tables.Find, seed, bug)
    {
    }

    public NaiveUnit(TlbGeometry geometry, Func<ulong, NaiveMapping?> walk, ulong seed, NaiveBug bug)
    {
        this.walk = walk;
        this.bug = bug;
        Levels = [.. geometry.Levels.Select(level => new NaiveLevel(level, seed, bug))];
    }

    public NaiveLevel[] Levels { get; }

    public ushort Asid { get; set; }

    public ushort Vmid { get; set; }

    /// <summary>The physical address, or null on a fault.</summary>
    public ulong? Translate(ulong address, AccessKind kind)
    {
        TlbSides side = kind == AccessKind.Fetch ? TlbSides.Fetch : TlbSides.Data;
        NaiveLevel[] path = [.. Levels.Where(level => level.Geometry.Sides.HasFlag(side))];
        NaiveEntry? first = FindOrFill(path, address);
        return first is null || (kind >= AccessKind.Store && !first.Mapping.IsWritable && bug != NaiveBug.PermissionIgnored)
            ? null
            : unchecked(first.Output + (address - first.Start));
    }

    public void Invalidate(ulong start, ulong last, ushort? asid, ushort? vmid, bool keepsGlobal = false)
    {
        foreach (NaiveLevel level in Levels)
        {
            if (level.Geometry.Level > 1 && bug == NaiveBug.InvalidationForgetsSecond)
            {
                continue;
            }

            level.Remove(entry => Matches(entry, start, last, asid, vmid, keepsGlobal, bug));
        }
    }

    /// <summary>Whether an invalidation takes an entry out; null matches any.</summary>
    public static bool Matches(NaiveEntry entry, ulong start, ulong last, ushort? asid, ushort? vmid, bool keepsGlobal, NaiveBug bug)
    {
        int mapping = bug == NaiveBug.PiecesStay ? entry.SizeLog2
            : entry.Mapping.RunLog2 > entry.Mapping.PageLog2 ? entry.Mapping.RunLog2
            : Math.Max(entry.Mapping.PageLog2, entry.SizeLog2);
        ulong from = entry.Start >> mapping << mapping;
        ulong to = from + ((1UL << mapping) - 1);
        return from <= last && to >= start
            && (vmid is null || entry.Vmid == vmid)
            && (entry.Mapping.IsGlobal ? !keepsGlobal : asid is null || entry.Asid == asid);
    }

    private NaiveEntry? FindOrFill(NaiveLevel[] path, ulong address)
    {
        int hit = 0;
        NaiveEntry? found = null;
        for (; hit < path.Length && found is null; hit++)
        {
            path[hit].Lookups++;
            found = path[hit].Find(address, Asid, Vmid);
            path[hit].Misses += found is null ? 1u : 0u;
        }

        if (found is not null)
        {
            hit--;
            if (path[hit].Geometry.Fill == FillPolicy.MostlyExclusive && bug != NaiveBug.ExclusiveHitStays)
            {
                path[hit].Remove(entry => entry == found);
            }
            else
            {
                path[hit].Use(found);
            }

            if (hit == 0 && path.Length > 1 && bug == NaiveBug.FirstHitTouchesSecond && path[1].Find(address, Asid, Vmid) is NaiveEntry second)
            {
                path[1].Use(second);
            }
        }

        NaiveMapping? mapping = found?.Mapping ?? walk(address);
        if (mapping is null)
        {
            return null;
        }

        int limit = found?.SizeLog2 ?? mapping.CapLog2;
        int aggregation = found is null ? mapping.AggregationLog2 : mapping.RunLog2 > mapping.PageLog2 ? 0 : Math.Max(0, found.SizeLog2 - mapping.PageLog2);

        // What an entry says is of its own page: an address elsewhere in the entry has its own.
        NaiveMapping own = found is null ? mapping : mapping with
        {
            Output = unchecked(found.Output + ((address >> mapping.PageLog2 << mapping.PageLog2) - found.Start)),
        };
        for (int i = hit - 1; i >= 0; i--)
        {
            if (path[i].Geometry.Fill == FillPolicy.MostlyExclusive)
            {
                continue;
            }

            NaiveEntry filled = path[i].Fill(address, own, limit, aggregation, Asid, Vmid, out NaiveEntry? victim);
            found = i == 0 ? filled : found;
            for (int next = i + 1; victim is not null && next < path.Length && path[next].Geometry.Fill == FillPolicy.MostlyExclusive; next++)
            {
                victim = bug == NaiveBug.VictimsAreLost ? null : path[next].TakeIn(victim);
            }
        }

        return path[0].Find(address, Asid, Vmid) ?? found;
    }
}
