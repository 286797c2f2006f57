// Walks the tables that the engine itself keeps in the arena: 4 KiB granule, 48-bit addresses, four levels, stage 1.
// The rules are those of Arm DDI 0487, D8.2-D8.5; the general walker covers all other settings.
//
// Nothing that a descriptor says is trusted: a table outside RAM is an external abort on the walk, as on hardware, and the walk ends after
// four reads whatever it reads.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Arena;
using Engine.Core.Units;

namespace Engine.Arm64.Tlb;

/// <summary>A walker for tables of the 4 KiB granule with 48-bit addresses in simulated memory.</summary>
public unsafe struct ArenaWalker : IPageWalker
{
    private const int GranuleLog2 = 12;
    private const int IndexBits = 9;
    private const ulong IndexMask = (1UL << IndexBits) - 1;
    private const ulong AddressMask = 0x0000_FFFF_FFFF_F000;
    private const ulong PlaceMask = IndexMask << 3;
    private const ulong NoRoot = ulong.MaxValue;
    private const ulong LastTableByte = 4095;
    private const int KnownTables = 512;
    private const ulong TypeMask = 3;
    private const ulong TableOrPage = 3;
    private const ulong AccessFlag = 1UL << 10;
    private const ulong NotGlobal = 1UL << 11;
    private const ulong ReadOnly = 1UL << 7;
    private const ulong DirtyModifier = 1UL << 51;
    private const ulong Contiguous = 1UL << 52;
    private const ulong HierarchyMask = 0x1FUL << 59;

    // Index AP[2:1] | PXN << 2 | UXN << 3. Bits 0..3: EL0 fetch, load, store, modify; 4..7: EL1.
    private const uint Fetch0 = 1, Load0 = 2, Write0 = 4 | 8, Fetch1 = 16, Load1 = 32, Write1 = 64 | 128;

    private readonly PhysicalMemory memory;
    private readonly byte* bias;
    private readonly ulong start;
    private readonly ulong lastTableOffset;

    // Last-level tables that walks met, by the address bits above them: where to prefetch, and nothing else depends on it.
    private readonly ulong[] tables;
    private ulong root0;
    private ulong root1;

    /// <summary>Creates a walker with no tables: TTBR0 and TTBR1 must be set.</summary>
    /// <param name="memory">Where the tables are.</param>
    public ArenaWalker(PhysicalMemory memory)
    {
        this.memory = memory;
        bias = memory.Bias;
        start = memory.Banks[0].Start.Value;
        lastTableOffset = memory.Banks[0].LengthBytes - LastTableByte - 1;
        tables = new ulong[KnownTables];
        root0 = NoRoot;
        root1 = NoRoot;
    }

    /// <summary>The root table of the lower half; null where walks are disabled (TCR.EPD0).</summary>
    public PhysAddr? Ttbr0
    {
        readonly get => root0 == NoRoot ? null : new PhysAddr(root0);
        set => root0 = value?.Value ?? NoRoot;
    }

    /// <summary>The root table of the upper half; null where walks are disabled (TCR.EPD1).</summary>
    public PhysAddr? Ttbr1
    {
        readonly get => root1 == NoRoot ? null : new PhysAddr(root1);
        set => root1 = value?.Value ?? NoRoot;
    }

    /// <summary>Whether the hardware sets the access flag (TCR.HA); otherwise a clear one faults.</summary>
    public bool SetsAccessFlag { readonly get; set; }

    /// <summary>Whether the hardware sets the dirty state (TCR.HD); it implies <see cref="SetsAccessFlag"/>.</summary>
    public bool SetsDirtyState { readonly get; set; }

    /// <summary>Whether EL1 may not load from or store to what EL0 may (PSTATE.PAN).</summary>
    public bool ForbidsUserData { readonly get; set; }

    /// <summary>How many adjacent pages, as a log2 of 0 to 2, the walker examines for aggregation.</summary>
    public int AggregationLog2Max { readonly get; set; }

    private static ReadOnlySpan<byte> AllowTable =>
    [
        // AP 00: EL1 read/write, EL0 none (but EL0 may execute); 01: both read/write; 10: EL1 read; 11: both read.
        (byte)(Fetch0 | Fetch1 | Load1 | Write1), (byte)(Fetch0 | Load0 | Write0 | Load1 | Write1), (byte)(Fetch0 | Fetch1 | Load1), (byte)(Fetch0 | Load0 | Fetch1 | Load1),
        (byte)(Fetch0 | Load1 | Write1), (byte)(Fetch0 | Load0 | Write0 | Load1 | Write1), (byte)(Fetch0 | Load1), (byte)(Fetch0 | Load0 | Load1),
        (byte)(Fetch1 | Load1 | Write1), (byte)(Load0 | Write0 | Load1 | Write1), (byte)(Fetch1 | Load1), (byte)(Load0 | Fetch1 | Load1),
        (byte)(Load1 | Write1), (byte)(Load0 | Write0 | Load1 | Write1), (byte)Load1, (byte)(Load0 | Load1),
    ];

    /// <inheritdoc/>
    public readonly bool Walk(VirtAddr address, AccessKind kind, bool isPrivileged, ref WalkResult result)
    {
        return (!result.WantsPath && TryWalkStraight(address.Value, ref result)) || WalkLevels(address.Value, kind, isPrivileged, ref result);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool TryWalkPlain(VirtAddr address, out PlainTranslation result)
    {
        Unsafe.SkipInit(out result);
        if (!TryFindPage(address.Value, out ulong place, out ulong descriptor, out ulong restrictions) || (descriptor & Contiguous) != 0 || AggregationLog2Max != 0)
        {
            return false;
        }

        Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(tables), (nint)((address.Value >> 21) & (KnownTables - 1))) = place & ~LastTableByte;
        result = new PlainTranslation(
            descriptor & AddressMask, GranuleLog2, 0, 3, AllowedBy(descriptor, restrictions), (int)((descriptor >> 2) & 7), (descriptor & NotGlobal) == 0);
        return true;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Prefetch(VirtAddr address)
    {
        if (Sse.IsSupported)
        {
            // SAFETY: the index is masked to the array's length; a prefetch of whatever address does not fault.
            ulong table = Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(tables), (nint)((address.Value >> 21) & (KnownTables - 1)));
            Sse.Prefetch0(bias + table + ((address.Value >> 9) & PlaceMask));
        }
    }

    // The common case without a store per level: from the root to a page that needs no update.
    private readonly bool TryWalkStraight(ulong va, ref WalkResult result)
    {
        if (!TryFindPage(va, out ulong place, out ulong descriptor, out ulong restrictions))
        {
            return false;
        }

        result.GranuleLog2 = GranuleLog2;
        result.StartLevel = 0;
        Describe(place, descriptor, restrictions, 3, ref result);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly bool TryFindPage(ulong va, out ulong place, out ulong descriptor, out ulong restrictions)
    {
        Unsafe.SkipInit(out place);
        Unsafe.SkipInit(out descriptor);
        Unsafe.SkipInit(out restrictions);
        ulong table = unchecked((long)va) < 0 ? root1 : root0;
        if (!IsCanonical(va) || unchecked(table - start) > lastTableOffset)
        {
            return false;
        }

        // SAFETY: each table's page is checked against the first bank before a descriptor in it is read.
        ulong descriptor0 = *(ulong*)(bias + table + ((va >> 36) & PlaceMask));
        ulong table1 = descriptor0 & AddressMask;
        if ((descriptor0 & TypeMask) != TableOrPage || unchecked(table1 - start) > lastTableOffset)
        {
            return false;
        }

        ulong descriptor1 = *(ulong*)(bias + table1 + ((va >> 27) & PlaceMask));
        ulong table2 = descriptor1 & AddressMask;
        if ((descriptor1 & TypeMask) != TableOrPage || unchecked(table2 - start) > lastTableOffset)
        {
            return false;
        }

        ulong descriptor2 = *(ulong*)(bias + table2 + ((va >> 18) & PlaceMask));
        ulong table3 = descriptor2 & AddressMask;
        if ((descriptor2 & TypeMask) != TableOrPage || unchecked(table3 - start) > lastTableOffset)
        {
            return false;
        }

        place = table3 + ((va >> 9) & PlaceMask);
        descriptor = *(ulong*)(bias + place);
        restrictions = descriptor0 | descriptor1 | descriptor2;
        bool needsUpdate = SetsDirtyState && (descriptor & (DirtyModifier | ReadOnly)) == (DirtyModifier | ReadOnly);
        return (descriptor & (TypeMask | AccessFlag)) == (TableOrPage | AccessFlag) && !needsUpdate;
    }

    private readonly bool WalkLevels(ulong va, AccessKind kind, bool isPrivileged, ref WalkResult result)
    {
        result.GranuleLog2 = GranuleLog2;
        ulong table = result.StartTable;
        ulong restrictions = result.StartRestrictions;
        int level = result.StartLevel;
        if (level < 0)
        {
            level = 0;
            result.StartLevel = 0;
            restrictions = 0;
            table = unchecked((long)va) < 0 ? root1 : root0;
            if (table == NoRoot || !IsCanonical(va))
            {
                // Not a read: the walk is refused.
                result.Level = 0;
                result.StartLevel = 1;
                return Fail(ref result, TranslationStop.TranslationFault, 0);
            }

        }

        for (; ; level++)
        {
            int shift = GranuleLog2 + ((3 - level) * IndexBits);
            ulong place = table + (((va >> shift) & IndexMask) << 3);
            result.DescriptorAddresses[level + 1] = place;
            if (!IsTable(table))
            {
                return Fail(ref result, TranslationStop.ExternalAbortOnWalk, level);
            }

            // SAFETY: IsTable checked that the whole page of the table is RAM; table is page-aligned, so place lies in it.
            ulong descriptor = *(ulong*)(bias + place);
            if (level < 3 && (descriptor & TypeMask) == TableOrPage)
            {
                table = descriptor & AddressMask;
                restrictions |= descriptor & HierarchyMask;
                result.NextTables[level + 1] = table;
                result.Restrictions[level + 1] = restrictions;
                continue;
            }

            bool isLeaf = level == 3 ? (descriptor & TypeMask) == TableOrPage : level != 0 && (descriptor & TypeMask) == 1;
            return isLeaf
                ? Finish(va, kind, isPrivileged, place, descriptor, restrictions, level, ref result)
                : Fail(ref result, TranslationStop.TranslationFault, level);
        }
    }

    // Each half has 48 bits: the upper 16 are all equal.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsCanonical(ulong va) => va >> 48 is 0 or ushort.MaxValue;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly bool IsTable(ulong table) =>
        unchecked(table - start) <= lastTableOffset || memory.Contains(new PhysAddr(table), LastTableByte + 1);

    private readonly bool Finish(
        ulong va, AccessKind kind, bool isPrivileged, ulong place, ulong descriptor, ulong restrictions, int level, ref WalkResult result)
    {
        bool isWritableClean = SetsDirtyState && (descriptor & (DirtyModifier | ReadOnly)) == (DirtyModifier | ReadOnly);
        bool setsDirty = isWritableClean && !result.LooksOnly && (kind is AccessKind.Store or AccessKind.Modify);
        bool isYoung = (descriptor & AccessFlag) != 0;
        if (!result.LooksOnly && (!isYoung || setsDirty))
        {
            if (!isYoung && !SetsAccessFlag && !SetsDirtyState)
            {
                return Fail(ref result, TranslationStop.AccessFlagFault, level);
            }

            // An access that is refused changes nothing in the tables; and what is not accessed does not enter a TLB.
            uint allowed = setsDirty ? AllowedBy(descriptor & ~ReadOnly, restrictions) : AllowedBy(descriptor, restrictions, isWritableClean);
            bool isAllowed = ((allowed >> ((int)kind + (isPrivileged ? TlbEntry.ElBits : 0))) & 1) != 0;
            if (!isYoung && !isAllowed)
            {
                return Fail(ref result, TranslationStop.PermissionFault, level);
            }

            setsDirty &= isAllowed;
            ulong updated = (descriptor | AccessFlag) & ~(setsDirty ? ReadOnly : 0);
            if (updated != descriptor && !TryUpdate(place, descriptor, updated))
            {
                // The descriptor changed meanwhile: the walk begins again.
                result.StartLevel = WalkResult.FromRoot;
                return Walk(new VirtAddr(va), kind, isPrivileged, ref result);
            }

            descriptor = updated;
        }

        Describe(place, descriptor, restrictions, level, ref result);
        if (isWritableClean && !setsDirty)
        {
            result.IsDirtyLater = (restrictions >> 62 & 1) == 0;
            result.Allowed = AllowedBy(descriptor, restrictions, isWritableClean);
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void Describe(ulong place, ulong descriptor, ulong restrictions, int level, ref WalkResult result)
    {
        int pageLog2 = GranuleLog2 + ((3 - level) * IndexBits);
        result.Level = level;
        result.PageSizeLog2 = pageLog2;
        result.RunSizeLog2 = (descriptor & Contiguous) != 0 ? pageLog2 + 4 : pageLog2;
        result.OutputAddress = descriptor & AddressMask & (ulong.MaxValue << pageLog2);
        result.AttributeIndex = (int)((descriptor >> 2) & 7);
        result.IsGlobal = (descriptor & NotGlobal) == 0;
        result.Allowed = AllowedBy(descriptor, restrictions);
        result.IsDirtyLater = false;
        result.AggregationLog2 = AggregationLog2Max != 0 && level == 3 && (descriptor & Contiguous) == 0 ? Aggregate(place, descriptor) : 0;
    }

    // A page that a store may make dirty counts as writable: what EL0 may write, EL1 does not execute.
    private readonly uint AllowedBy(ulong descriptor, ulong restrictions, bool isWritableClean) =>
        AllowedBy(descriptor, restrictions) & (isWritableClean ? AllowedBy(descriptor & ~ReadOnly, restrictions) | ~(Fetch0 | Fetch1) : uint.MaxValue);

    // APTable[0] (61) takes EL0 data access away, APTable[1] (62) writing; XNTable is 60, PXNTable 59.
    private readonly uint AllowedBy(ulong descriptor, ulong restrictions)
    {
        uint index = (uint)((descriptor >> 6) & 3) | (uint)((descriptor >> 51) & 12) | (uint)((restrictions >> 61) & 2);
        index |= (uint)((restrictions >> 57) & 12);
        index &= ~(uint)((restrictions >> 61) & 1);
        uint allowed = AllowTable[(int)index];
        return ForbidsUserData && (index & 1) != 0 ? allowed & ~(Load1 | Write1) : allowed;
    }

    // The aligned groups of 2 and 4 descriptors around this one: do they map contiguous pages with equal attributes?
    private readonly int Aggregate(ulong place, ulong descriptor)
    {
        int best = 0;
        for (int log2 = 1; log2 <= AggregationLog2Max && log2 <= 2; log2++)
        {
            ulong count = 1UL << log2;
            ulong own = (place >> 3) & (count - 1);
            ulong group = place - (own << 3);
            ulong first = unchecked(descriptor - (own << GranuleLog2));
            if ((first & AddressMask & ((count << GranuleLog2) - 1)) != 0)
            {
                return best;
            }

            for (ulong i = 0; i < count; i++)
            {
                // SAFETY: the group lies in the table's page, which IsTable checked.
                if (*(ulong*)(bias + group + (i << 3)) != first + (i << GranuleLog2))
                {
                    return best;
                }
            }

            best = log2;
        }

        return best;
    }

    // SAFETY: the caller has read the descriptor from this place.
    private readonly bool TryUpdate(ulong place, ulong expected, ulong value) =>
        Interlocked.CompareExchange(ref Unsafe.AsRef<ulong>(bias + place), value, expected) == expected;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool Fail(ref WalkResult result, byte fault, int level)
    {
        result.Level = level;
        result.FaultStatus = (byte)(fault + level);
        return false;
    }
}
