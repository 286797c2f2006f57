// The memory management unit of one CPU: TLB levels, walk caches and a walker, from a virtual address to a physical one.
//
//     access -> most recently used entry of the first level -> first level -> further levels -> walk caches -> walk
//
// Every level that missed is filled, each with the largest piece of the mapping that it can hold. Permissions are checked on
// each access by one bit of the entry. A fault stops the batch before the access that caused it: the caller handles it
// and calls again with the rest. What the unit remembers is in the levels themselves, so how a stream is cut into batches does
// not change any outcome.
//
// Statistics cost one addition an access: all else is counted on misses, and derived.

using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.Arm64.Tlb;

/// <summary>The translation unit of one CPU.</summary>
/// <typeparam name="TWalker">Reads the translation tables.</typeparam>
/// <typeparam name="TObserver">Watches; <see cref="NoObserver"/> where nobody does.</typeparam>
public sealed unsafe partial class TranslationUnit<TWalker, TObserver> : ITlbiTarget
    where TWalker : struct, IPageWalker
    where TObserver : struct, ITranslationObserver
{
    /// <summary>What <see cref="Translate(VirtAddr, AccessKind)"/> returns for a fault; no physical address has this value.</summary>
    public const ulong Faulted = ulong.MaxValue;

    private readonly TlbPath path;
    private readonly TlbLevel fetchFirst;
    private readonly TlbLevel dataFirst;
    private readonly AssociativeEntries? group;
    private readonly bool hasPrivateFirsts;

    private readonly bool hasWalkCaches;

    // Stage 2 of walkers that have one; null for the others.
    private readonly NestedWalk? nested;

    // Two pointers to the most recently used entries of the first levels (fetch, data), then two counts of single accesses.
    // One pointer serves both sides where they share the first level: dataCell is 0 then.
    private readonly nint[] lastStorage = GC.AllocateArray<nint>(4, pinned: true);
    private readonly TlbEntry** lasts;
    private readonly uint dataCell;

    private TWalker walker;
    private TObserver observer;
    private TranslationStop stop;
    private ulong tags;
    private int elShift;

    /// <summary>Creates a unit with empty TLBs, at EL0, with ASID 0 and VMID 0.</summary>
    /// <param name="geometry">Its shape; some level must serve fetches and some level data.</param>
    /// <param name="walker">Reads the tables.</param>
    /// <param name="observer">Watches.</param>
    /// <param name="seed">For the random policy.</param>
    /// <exception cref="ArgumentException">No level serves fetches, or none data.</exception>
    public TranslationUnit(TlbGeometry geometry, TWalker walker, TObserver observer = default, ulong seed = 0)
        : this(geometry, walker, observer, seed, TlbSides.Both)
    {
    }

    internal TranslationUnit(TlbGeometry geometry, TWalker walker, TObserver observer, ulong seed, TlbSides requiredSides)
    {
        TlbSides missing = requiredSides & ~geometry.Sides;
        if (missing != 0)
        {
            throw new ArgumentException($"no level of {geometry} serves {missing} (expected for example l1i, l1d and l2)", nameof(geometry));
        }

        Geometry = geometry;
        this.walker = walker;
        this.observer = observer;
        path = new TlbPath(geometry, seed);
        nested = Join(ref this.walker, geometry, seed);
        fetchFirst = path.Fetch.FirstOrDefault() ?? path.Levels[0];
        dataFirst = path.Data.FirstOrDefault() ?? path.Levels[0];
        group = path.Firsts;
        hasPrivateFirsts = fetchFirst == dataFirst || (fetchFirst.Geometry.Sides != TlbSides.Both && dataFirst.Geometry.Sides != TlbSides.Both);
        dataCell = fetchFirst == dataFirst ? 0u : 1u;
        lasts = (TlbEntry**)Unsafe.AsPointer(ref lastStorage[0]);
        hasWalkCaches = path.WalkCaches.Length != 0;
        ForgetLast();
        indexBits = group?.IndexBits ?? 0;
        indexMask = (1u << indexBits) - 1;
        sides = (QuickSide*)Unsafe.AsPointer(ref sideStorage[0]);
        DescribeSides();
    }

    /// <summary>The shape.</summary>
    public TlbGeometry Geometry { get; }

    /// <summary>The walker, with the registers that it holds. Change them in place: another walker would not know the unit's cache of stage 2.</summary>
    [SuppressMessage("Design", "CA1045", Justification = "a struct whose registers the owner changes in place")]
    public ref TWalker Walker => ref walker;

    /// <summary>The observer.</summary>
    public ref TObserver Observer => ref observer;

    /// <summary>Whether accesses come from EL1.</summary>
    public bool IsPrivileged
    {
        get => elShift != 0;
        set
        {
            elShift = value ? TlbEntry.ElBits : 0;
            UpdateSides();
        }
    }

    /// <summary>The address space of lookups and fills.</summary>
    public Asid CurrentAsid { get; private set; }

    /// <summary>The virtual machine of lookups and fills.</summary>
    public ushort CurrentVmid { get; private set; }

    /// <summary>The latest fault.</summary>
    public TranslationStop Stop => stop;

    /// <summary>From here on accesses belong to another address space. Nothing is invalidated. TTBRs are the walker's.</summary>
    /// <param name="asid">As TTBRx_EL1.ASID has it.</param>
    /// <param name="vmid">As VTTBR_EL2.VMID has it; 0 without stage 2.</param>
    public void SwitchTo(Asid asid, ushort vmid = 0)
    {
        CurrentAsid = asid;
        CurrentVmid = vmid;
        tags = ((ulong)asid.Value << TlbEntry.AsidShift) | ((ulong)vmid << TlbEntry.VmidShift);
        foreach (TlbLevel level in path.All)
        {
            level.SwitchTo(asid.Value, vmid);
        }

        nested?.Ipas?.SwitchTo(vmid);

        UpdateSides();
        ForgetLast();
    }

    // A walker with two stages gets the cache of the second, and reports by the same object.
    private static NestedWalk? Join(ref TWalker walker, TlbGeometry geometry, ulong seed)
    {
        if (walker is not INestedWalker)
        {
            return null;
        }

        NestedWalk nested = new()
        {
            Ipas = geometry.IpaCache is { } shape ? new IpaCache(shape, seed) : null,
            Log = TObserver.SeesDescriptorReads ? new DescriptorReadLog() : null,
        };
        object boxed = walker;
        ((INestedWalker)boxed).Nested = nested;
        walker = (TWalker)boxed;
        return nested;
    }

    // What a set's entry matches does not include its address space, and a batch does not keep the most recent entry.
    private void ForgetLast()
    {
        lasts[0] = fetchFirst.Nothing;
        lasts[dataCell] = dataFirst.Nothing;
    }
}
