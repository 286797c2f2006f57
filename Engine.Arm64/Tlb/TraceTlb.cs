// An address stream alone through a TLB hierarchy: no operating system, no walk, no invalidation. The page of an access is the page
// of its first byte, and every page exists: the unit of a CPU over tables that map everything to itself.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.Arm64.Tlb;

/// <summary>A TLB hierarchy that is fed an address stream alone, with one page size.</summary>
public sealed class TraceTlb
{
    private const int SelectionLength = 4096;

    private readonly TranslationUnit<FlatWalker, NoObserver> unit;
    private readonly Access[] selection = new Access[SelectionLength];

    /// <summary>Creates an empty hierarchy.</summary>
    /// <param name="geometry">Its shape; what it says of page sizes is ignored.</param>
    /// <param name="pageShift">log2 of the page size in bytes, 12..30.</param>
    /// <param name="seed">For the random policy.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="pageShift"/> is not 12 to 30.</exception>
    public TraceTlb(TlbGeometry geometry, int pageShift = 12, ulong seed = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pageShift, 12);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(pageShift, 30);
        TlbLevelGeometry[] levels = [.. geometry.Levels.Select(level => level with { PageSizes = TlbLevelGeometry.AllPageSizes })];
        Geometry = geometry;
        unit = new TranslationUnit<FlatWalker, NoObserver>(new TlbGeometry(levels), new FlatWalker(pageShift), default, seed, TlbSides.None);
        unit.HintShift = pageShift;
    }

    /// <summary>The shape.</summary>
    public TlbGeometry Geometry { get; }

    /// <summary>What each level has seen, by level number.</summary>
    public IReadOnlyList<TlbLevelStatistics> Statistics => unit.Statistics;

    /// <summary>Looks up a batch of accesses, filling every level that misses.</summary>
    /// <param name="accesses">In program order.</param>
    /// <param name="kinds">The kinds that count; others are passed over. The geometry must have a level for each of them.</param>
    /// <exception cref="ArgumentException">No level serves one of <paramref name="kinds"/>.</exception>
    public void Run(ReadOnlySpan<Access> accesses, AccessKinds kinds = AccessKinds.All)
    {
        Require(kinds);
        if (kinds == AccessKinds.All)
        {
            unit.Run(accesses);
            return;
        }

        while (!accesses.IsEmpty)
        {
            int length = Math.Min(accesses.Length, SelectionLength);
            int selected = Select(accesses[..length], selection, (uint)kinds);
            unit.Run(selection.AsSpan(0, selected));
            accesses = accesses[length..];
        }
    }

    // Without a branch: which kind comes next is hard to predict.
    private static int Select(ReadOnlySpan<Access> accesses, Access[] selection, uint kinds)
    {
        ref Access target = ref MemoryMarshal.GetArrayDataReference(selection);
        uint count = 0;
        foreach (Access access in accesses)
        {
            // SAFETY: count is never above the number of accesses passed, which is below the length of the array.
            Unsafe.Add(ref target, count) = access;
            count += (kinds >> (int)(access.Word & Access.KindMask)) & 1;
        }

        return (int)count;
    }

    private void Require(AccessKinds kinds)
    {
        TlbSides sides = Geometry.Sides;
        if (((kinds & AccessKinds.Fetch) != 0 && !sides.HasFlag(TlbSides.Fetch)) || ((kinds & AccessKinds.Data) != 0 && !sides.HasFlag(TlbSides.Data)))
        {
            throw new ArgumentException($"no level of {Geometry} serves all of {kinds}", nameof(kinds));
        }
    }

    // Maps every page to itself, for everything.
    private readonly struct FlatWalker(int pageShift) : IPageWalker
    {
        public bool Walk(VirtAddr address, AccessKind kind, bool isPrivileged, ref WalkResult result)
        {
            result.StartLevel = 3;
            result.Level = 3;
            result.OutputAddress = address.Value & (ulong.MaxValue << pageShift);
            result.GranuleLog2 = 12;
            result.PageSizeLog2 = pageShift;
            result.RunSizeLog2 = pageShift;
            result.AggregationLog2 = 0;
            result.Allowed = 0xFF;
            result.AttributeIndex = 0;
            result.IsGlobal = false;
            result.IsDirtyLater = false;
            return true;
        }

        public void Prefetch(VirtAddr address)
        {
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public ulong TryWalkPlain(VirtAddr address, bool goesFar, out ulong outputAddress)
        {
            outputAddress = address.Value & (ulong.MaxValue << pageShift);
            return PlainTranslation.Pack(pageShift, PlainStartLevel, 0xFF, 0, isGlobal: false);
        }

        public int PlainStartLevel => 3;
    }
}
