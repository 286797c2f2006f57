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
using System.Runtime.InteropServices;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.Arm64.Tlb;

/// <summary>The translation unit of one CPU.</summary>
/// <typeparam name="TWalker">Reads the translation tables.</typeparam>
/// <typeparam name="TObserver">Watches; <see cref="NoObserver"/> where nobody does.</typeparam>
public sealed unsafe partial class TranslationUnit<TWalker, TObserver>
    where TWalker : struct, IPageWalker
    where TObserver : struct, ITranslationObserver
{
    /// <summary>What <see cref="Translate(VirtAddr, AccessKind)"/> returns for a fault; no physical address has this value.</summary>
    public const ulong Faulted = ulong.MaxValue;

    private readonly TlbPath path;
    private readonly TlbLevel[] firsts;
    // Two pointers to the most recently used entries (fetch, data), then two counts of single accesses.
    private readonly nint[] lastStorage = GC.AllocateArray<nint>(4, pinned: true);
    private readonly TlbEntry** lasts;
    private readonly ulong dataCell;
    private readonly bool hasWalkCaches;

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
    {
        if (geometry.Sides != TlbSides.Both)
        {
            throw new ArgumentException($"no level of {geometry} serves {TlbSides.Both & ~geometry.Sides} (expected for example l1i, l1d and l2)", nameof(geometry));
        }

        Geometry = geometry;
        this.walker = walker;
        this.observer = observer;
        path = new TlbPath(geometry, seed);
        firsts = [path.Fetch[0], path.Data[0]];
        lasts = (TlbEntry**)Unsafe.AsPointer(ref lastStorage[0]);
        dataCell = firsts[0] == firsts[1] ? 0u : 1u;
        firsts[0].KeepLastAt(lasts);
        firsts[1].KeepLastAt(lasts + dataCell);
        hasWalkCaches = path.WalkCaches.Length != 0;
    }

    /// <summary>The shape.</summary>
    public TlbGeometry Geometry { get; }

    /// <summary>The walker, with the registers that it holds.</summary>
    [SuppressMessage("Design", "CA1045", Justification = "a struct whose registers the owner changes in place")]
    public ref TWalker Walker => ref walker;

    /// <summary>The observer.</summary>
    public ref TObserver Observer => ref observer;

    /// <summary>Whether accesses come from EL1.</summary>
    public bool IsPrivileged
    {
        get => elShift != 0;
        set => elShift = value ? TlbEntry.ElBits : 0;
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
    }

    /// <summary>Translates a batch.</summary>
    /// <param name="accesses">In program order.</param>
    /// <returns>How many were translated; fewer than given where the next one faults: <see cref="Stop"/> says why.</returns>
    public int Run(ReadOnlySpan<Access> accesses)
    {
        Discard sink = default;
        return RunCore(accesses, ref sink);
    }

    /// <summary>Translates a batch and gives the physical addresses.</summary>
    /// <param name="accesses">In program order.</param>
    /// <param name="physicalAddresses">Receives one physical address, in bytes, for each access that was translated; not shorter than <paramref name="accesses"/>.</param>
    /// <returns>How many were translated; fewer than given where the next one faults: <see cref="Stop"/> says why.</returns>
    /// <exception cref="ArgumentException"><paramref name="physicalAddresses"/> is too short.</exception>
    public int Run(ReadOnlySpan<Access> accesses, Span<ulong> physicalAddresses)
    {
        if (physicalAddresses.Length < accesses.Length)
        {
            throw new ArgumentException("fewer places than accesses", nameof(physicalAddresses));
        }

        fixed (ulong* start = physicalAddresses)
        {
            Store sink = new(start);
            return RunCore(accesses, ref sink);
        }
    }

    /// <summary>Translates one access.</summary>
    /// <returns>The physical address in bytes, or <see cref="Faulted"/>: <see cref="Stop"/> says why.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Translate(Access access) => Translate(access.Address, access.Kind);

    /// <summary>Translates one address.</summary>
    /// <param name="address">Any address.</param>
    /// <param name="kind">What the access is to do.</param>
    /// <returns>The physical address in bytes, or <see cref="Faulted"/>: <see cref="Stop"/> says why.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Translate(VirtAddr address, AccessKind kind)
    {
        ulong isData = kind != AccessKind.Fetch ? 1u : 0u;
        ((ulong*)lasts)[2 + isData]++;
        TlbEntry* entry = lasts[isData & dataCell];
        ulong denied = ~(entry->Meta >> ((int)kind + elShift)) & 1;
        return (((address.Value & entry->Mask) ^ entry->Tag) | denied) == 0
            ? unchecked(address.Value + entry->Delta)
            : TranslateSlowly(address.Value, kind);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong TranslateSlowly(ulong address, AccessKind kind)
    {
        TlbEntry* entry = LookUp(address, kind);
        return entry == null ? Faulted : unchecked(address + entry->Delta);
    }

    private int RunCore<TSink>(ReadOnlySpan<Access> accesses, ref TSink sink)
        where TSink : struct, IAddressSink
    {
        ulong dataCount = 0;
        TlbEntry** last = lasts;
        ulong cell = dataCell;
        int shift = elShift;
        int i = 0;
        for (; i < accesses.Length; i++)
        {
            ulong word = accesses[i].Word;
            ulong kind = word & Access.KindMask;
            ulong isData = kind != 0 ? 1u : 0u;
            ulong address = unchecked((ulong)((long)word >> Access.AddressShift));
            TlbEntry* entry = last[isData & cell];
            dataCount += isData;
            ulong denied = ~(entry->Meta >> ((int)kind + shift)) & 1;
            if ((((address & entry->Mask) ^ entry->Tag) | denied) != 0)
            {
                entry = LookUp(address, (AccessKind)kind);
                if (entry == null)
                {
                    Count((ulong)(i + 1), dataCount);
                    return i;
                }
            }

            sink.Accept(i, unchecked(address + entry->Delta));
        }

        Count((ulong)i, dataCount);
        return i;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private TlbEntry* LookUp(ulong address, AccessKind kind)
    {
        TlbLevel first = firsts[kind != AccessKind.Fetch ? 1 : 0];
        TlbEntry* entry = first.Find(address);
        if (entry == null)
        {
            entry = FillLevels(address, kind);
            if (entry == null)
            {
                return null;
            }
        }
        else
        {
            first.Touch(entry);
        }

        return ((entry->Meta >> ((int)kind + elShift)) & 1) != 0 ? entry : Deny(address, kind, entry);
    }

    private interface IAddressSink
    {
        public void Accept(int index, ulong physicalAddress);
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly struct Discard : IAddressSink
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Accept(int index, ulong physicalAddress)
        {
        }
    }

    private readonly struct Store(ulong* start) : IAddressSink
    {
        // SAFETY: the caller checked that there is a place for every access, and keeps the span pinned.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Accept(int index, ulong physicalAddress) => start[index] = physicalAddress;
    }
}
