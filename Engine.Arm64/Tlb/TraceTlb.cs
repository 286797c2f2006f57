// An address stream alone through a TLB hierarchy: no operating system, no walk, no invalidation. The page of an access is the page
// of its first byte, and every page exists.
//
// The check against the most recently used entry comes first. It cannot change the outcome: a second use in a row changes
// neither an LRU order, nor a tree's bits, nor a FIFO. The entry is the level's own, so it is right across calls and where
// several paths share a level.

using System.Runtime.CompilerServices;
using Engine.Arm64.Translation;

namespace Engine.Arm64.Tlb;

/// <summary>A TLB hierarchy that is fed an address stream alone, with one page size.</summary>
public sealed unsafe class TraceTlb
{
    private readonly TlbPath path;
    private readonly TlbLevel[] firsts;
    private readonly int pageShift;

    // The most recently used entry of the first level of the fetch side and the data side; one place where the level is the same.
    private readonly nint[] lastStorage = GC.AllocateArray<nint>(2, pinned: true);
    private readonly TlbEntry** lasts;
    private readonly ulong dataCell;

    /// <summary>Creates an empty hierarchy.</summary>
    /// <param name="geometry">Its shape.</param>
    /// <param name="pageShift">log2 of the page size in bytes, 12..30.</param>
    /// <param name="seed">For the random policy.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="pageShift"/> is not 12 to 30.</exception>
    public TraceTlb(TlbGeometry geometry, int pageShift = 12, ulong seed = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pageShift, 12);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(pageShift, 30);
        Geometry = geometry;
        this.pageShift = pageShift;
        path = new TlbPath(geometry, seed);
        lasts = (TlbEntry**)Unsafe.AsPointer(ref lastStorage[0]);
        TlbLevel anyLevel = path.Levels[0];
        lasts[0] = lasts[1] = anyLevel.Nothing;
        TlbLevel? fetch = path.Fetch.FirstOrDefault();
        TlbLevel? data = path.Data.FirstOrDefault();
        firsts = [fetch ?? anyLevel, data ?? anyLevel];
        dataCell = fetch == data ? 0u : 1u;
        fetch?.KeepLastAt(lasts);
        if (dataCell != 0)
        {
            data?.KeepLastAt(lasts + 1);
        }
    }

    /// <summary>The shape.</summary>
    public TlbGeometry Geometry { get; }

    /// <summary>What each level has seen, by level number.</summary>
    public IReadOnlyList<TlbLevelStatistics> Statistics => path.Statistics;

    /// <summary>Looks up a batch of accesses, filling every level that misses.</summary>
    /// <param name="accesses">In program order.</param>
    /// <param name="kinds">The kinds that count; others are passed over. The geometry must have a level for each of them.</param>
    /// <exception cref="ArgumentException">No level serves one of <paramref name="kinds"/>.</exception>
    public void Run(ReadOnlySpan<Access> accesses, AccessKinds kinds = AccessKinds.All)
    {
        Require(kinds);
        ulong selection = (ulong)kinds;
        ulong selected = 0;
        ulong selectedData = 0;
        TlbEntry** last = lasts;
        ulong cell = dataCell;
        foreach (Access access in accesses)
        {
            ulong word = access.Word;
            ulong kind = word & Access.KindMask;
            ulong isData = kind != 0 ? 1u : 0u;
            ulong isSelected = (selection >> (int)kind) & 1;
            selected += isSelected;
            selectedData += isSelected & isData;
            ulong address = unchecked((ulong)((long)word >> Access.AddressShift));
            TlbEntry* entry = last[isData & cell];
            if ((((address & entry->Mask) ^ entry->Tag) & unchecked(0 - isSelected)) != 0)
            {
                LookUp(address, isData);
            }
        }

        if (selectedData != selected)
        {
            path.Fetch[0].Lookups += selected - selectedData;
        }

        if (selectedData != 0)
        {
            path.Data[0].Lookups += selectedData;
        }
    }

    private void Require(AccessKinds kinds)
    {
        TlbSides sides = Geometry.Sides;
        if (((kinds & AccessKinds.Fetch) != 0 && !sides.HasFlag(TlbSides.Fetch)) || ((kinds & AccessKinds.Data) != 0 && !sides.HasFlag(TlbSides.Data)))
        {
            throw new ArgumentException($"no level of {Geometry} serves all of {kinds}", nameof(kinds));
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void LookUp(ulong address, ulong isData)
    {
        TlbLevel first = firsts[(int)isData];
        TlbEntry* entry = first.Find(address);
        if (entry != null)
        {
            first.Touch(entry);
            return;
        }

        LookUpBeyond(address, isData != 0 ? path.Data : path.Fetch);
    }

    private void LookUpBeyond(ulong address, TlbLevel[] levels)
    {
        levels[0].Misses++;
        int filled = 1;
        for (; filled < levels.Length; filled++)
        {
            TlbLevel level = levels[filled];
            level.Lookups++;
            TlbEntry* entry = level.Find(address);
            if (entry != null)
            {
                level.Touch(entry);
                break;
            }

            level.Misses++;
        }

        const ulong Meta = 1UL << TlbEntry.GlobalShift;
        for (int i = 0; i < filled; i++)
        {
            levels[i].Insert(address, pageShift, 0, Meta | ((ulong)(uint)pageShift << TlbEntry.EntrySizeShift));
        }
    }
}
