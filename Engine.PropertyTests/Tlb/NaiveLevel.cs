using Engine.Arm64.Tlb;

namespace Engine.PropertyTests.Tlb;

/// <summary>One TLB level as an array of ways that is searched from end to end.</summary>
internal sealed class NaiveLevel(TlbLevelGeometry geometry, ulong seed, NaiveBug bug)
{
    private readonly NaiveEntry?[] slots = new NaiveEntry?[geometry.Entries];
    private readonly HashSet<(int Set, int Low, int Half)> upperHalves = [];
    private ulong random = seed ^ ((ulong)geometry.Level << 56) ^ ((ulong)geometry.Sides << 48);
    private long clock;

    public TlbLevelGeometry Geometry { get; } = geometry;

    public ulong Lookups { get; set; }

    public ulong Misses { get; set; }

    public NaiveEntry? Find(ulong address, ushort asid, ushort vmid) =>
        slots.Where(entry => entry is not null && entry.Covers(address)
            && (entry!.Vmid == vmid || bug == NaiveBug.VmidIgnored)
            && (entry.Mapping.IsGlobal && bug != NaiveBug.GlobalIsNot || entry.Asid == asid || bug == NaiveBug.AsidIgnored)).MinBy(entry => entry!.SizeLog2);

    public void Use(NaiveEntry entry)
    {
        if (Geometry.Policy != ReplacementPolicy.Fifo && bug != NaiveBug.HitDoesNotRefresh)
        {
            entry.LastUse = ++clock;
        }

        PointAway(Array.IndexOf(slots, entry));
    }

    public NaiveEntry Fill(ulong address, NaiveMapping mapping, int limitLog2, int aggregationLog2, ushort asid, ushort vmid, out NaiveEntry? victim)
    {
        int size = SizeOf(mapping, limitLog2, aggregationLog2);
        ulong start = address >> size << size;
        ulong pageStart = address >> mapping.PageLog2 << mapping.PageLog2;
        NaiveEntry entry = new()
        {
            Start = start,
            SizeLog2 = size,
            Output = unchecked(mapping.Output + (start - pageStart)),
            Mapping = mapping,
            Asid = asid,
            Vmid = vmid,
            LastUse = ++clock,
        };
        victim = Put(entry);
        return entry;
    }

    /// <summary>Takes in what gave way in the level in front; returns what gave way here.</summary>
    public NaiveEntry? TakeIn(NaiveEntry victim)
    {
        int aggregation = victim.Mapping.RunLog2 > victim.Mapping.PageLog2 ? 0 : Math.Max(0, victim.SizeLog2 - victim.Mapping.PageLog2);
        if (SizeOf(victim.Mapping, victim.SizeLog2, aggregation) != victim.SizeLog2)
        {
            return null;
        }

        NaiveEntry? same = Array.Find(slots, entry => entry is not null && entry.Start == victim.Start && entry.SizeLog2 == victim.SizeLog2
            && entry.Vmid == victim.Vmid && entry.Mapping.IsGlobal == victim.Mapping.IsGlobal && (victim.Mapping.IsGlobal || entry.Asid == victim.Asid));
        if (same is not null)
        {
            Use(same);
            return null;
        }

        victim.LastUse = ++clock;
        return Put(victim);
    }

    // Returns what gave way.
    private NaiveEntry? Put(NaiveEntry entry)
    {
        int slot = Victim(SetOf(entry.Start, entry.SizeLog2));
        NaiveEntry? victim = slots[slot];
        slots[slot] = entry;
        PointAway(slot);
        return victim;
    }

    public void Remove(Func<NaiveEntry, bool> matches)
    {
        for (int slot = 0; slot < slots.Length; slot++)
        {
            if (slots[slot] is NaiveEntry entry && matches(entry))
            {
                slots[slot] = null;
            }
        }
    }

    private int SizeOf(NaiveMapping mapping, int limitLog2, int aggregationLog2)
    {
        int reach = mapping.PageLog2;
        bool holdsPage = ((Geometry.PageSizes >> reach) & 1) != 0;
        if (mapping.RunLog2 > reach)
        {
            reach = Geometry.HoldsContiguousRuns && bug != NaiveBug.RunsIgnored ? mapping.RunLog2 : reach;
        }
        else if (Geometry.AggregationLog2 > 0 && aggregationLog2 > 0 && holdsPage)
        {
            int most = bug == NaiveBug.AggregatesTwoOnly ? 1 : Geometry.AggregationLog2;
            return Math.Min(reach + Math.Min(most, aggregationLog2), limitLog2);
        }

        reach = Math.Min(reach, limitLog2);
        while (((Geometry.PageSizes >> reach) & 1) == 0)
        {
            reach--;
        }

        return reach;
    }

    private int SetOf(ulong start, int sizeLog2) =>
        (int)((((start & 0x00FF_FFFF_FFFF_FFFF) >> sizeLog2) + (bug == NaiveBug.WrongSet ? start >> 14 : 0)) % (ulong)Geometry.Sets);

    private int Victim(int set)
    {
        int first = set * Geometry.Ways;
        int[] own = [.. Enumerable.Range(first, Geometry.Ways)];
        int free = Array.FindIndex(own, slot => slots[slot] is null);
        return free >= 0 ? own[free]
            : Geometry.Policy switch
            {
                ReplacementPolicy.Random => first + (int)(((NextRandom() >> 32) * (ulong)Geometry.Ways) >> 32),
                ReplacementPolicy.Plru => first + Follow(set),
                _ => own.MinBy(slot => slots[slot]!.LastUse),
            };
    }

    private int Follow(int set)
    {
        int low = 0;
        for (int half = TreeWays() / 2; half > 0; half /= 2)
        {
            if (upperHalves.Contains((set, low, half)) && low + half < Geometry.Ways)
            {
                low += half;
            }
        }

        return low;
    }

    private void PointAway(int slot)
    {
        int set = slot / Geometry.Ways;
        int way = slot % Geometry.Ways;
        int low = 0;
        for (int half = TreeWays() / 2; half > 0; half /= 2)
        {
            bool isUpper = way >= low + half;
            _ = isUpper ? upperHalves.Remove((set, low, half)) : upperHalves.Add((set, low, half));
            low += isUpper ? half : 0;
        }
    }

    private int TreeWays() => (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Geometry.Ways);

    // SplitMix64.
    private ulong NextRandom() => unchecked(Mix(random += 0x9E3779B97F4A7C15));

    private static ulong Mix(ulong z)
    {
        z = unchecked((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9);
        z = unchecked((z ^ (z >> 27)) * 0x94D049BB133111EB);
        return z ^ (z >> 31);
    }
}
