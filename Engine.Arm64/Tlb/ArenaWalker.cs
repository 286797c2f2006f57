// Walks the tables that the engine itself keeps in the arena: 4 KiB granule, 48-bit addresses, four levels, stage 1.
// The rules are those of Arm DDI 0487, D8.2-D8.5; the general walker covers all other settings.
//
// Nothing that a descriptor says is trusted: a table outside RAM is an external abort on the walk, as on hardware, and the walk ends after
// four reads whatever it reads.

using System.Runtime.CompilerServices;
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
    private const ulong TypeMask = 3;
    private const ulong TableOrPage = 3;
    private const ulong AccessFlag = 1UL << 10;
    private const ulong NotGlobal = 1UL << 11;
    private const ulong ReadOnly = 1UL << 7;
    private const ulong DirtyModifier = 1UL << 51;
    private const ulong Contiguous = 1UL << 52;
    private const ulong HierarchyMask = 0x1FUL << 59;

    private readonly PhysicalMemory memory;
    private readonly byte* bias;

    // The first bank, and where its last page begins.
    private readonly ulong start;
    private readonly ulong lastTableOffset;

    private readonly FollowedTables notes;
    private readonly FollowedTables.Upper* followed;
    private ulong root0;
    private ulong root1;

    // The roots in the host's memory; null where they are not in the first bank.
    private byte* table0;
    private byte* table1;
    private byte* allows;
    private bool forbidsUserData;
    private bool setsDirtyState;
    private int aggregationLog2Max;

    // Whether some descriptors of young pages outside runs need the full walk.
    private bool isSpecial;

    /// <summary>Creates a walker with no tables: TTBR0 and TTBR1 must be set.</summary>
    /// <param name="memory">Where the tables are.</param>
    public ArenaWalker(PhysicalMemory memory)
    {
        this.memory = memory;
        bias = memory.Bias;
        start = memory.Banks[0].Start.Value;
        lastTableOffset = memory.Banks[0].LengthBytes - LastTableByte - 1;
        notes = new FollowedTables();
        followed = notes.Uppers;
        allows = AllowTables.Get(forbidsUserData: false);
        root0 = NoRoot;
        root1 = NoRoot;
    }

    /// <summary>The root table of the lower half; null where walks are disabled (TCR.EPD0).</summary>
    public PhysAddr? Ttbr0
    {
        readonly get => root0 == NoRoot ? null : new PhysAddr(root0);
        set
        {
            root0 = value?.Value ?? NoRoot;
            table0 = FindInFirstBank(root0);
        }
    }

    /// <summary>The root table of the upper half; null where walks are disabled (TCR.EPD1).</summary>
    public PhysAddr? Ttbr1
    {
        readonly get => root1 == NoRoot ? null : new PhysAddr(root1);
        set
        {
            root1 = value?.Value ?? NoRoot;
            table1 = FindInFirstBank(root1);
        }
    }

    /// <summary>Whether the hardware sets the access flag (TCR.HA); otherwise a clear one faults.</summary>
    public bool SetsAccessFlag { readonly get; set; }

    /// <summary>Whether the hardware sets the dirty state (TCR.HD); it implies <see cref="SetsAccessFlag"/>.</summary>
    public bool SetsDirtyState
    {
        readonly get => setsDirtyState;
        set
        {
            setsDirtyState = value;
            isSpecial = value || aggregationLog2Max != 0;
        }
    }

    /// <summary>Whether EL1 may not load from or store to what EL0 may (PSTATE.PAN).</summary>
    public bool ForbidsUserData
    {
        readonly get => forbidsUserData;
        set
        {
            forbidsUserData = value;
            allows = AllowTables.Get(value);
        }
    }

    /// <summary>How many adjacent pages, as a log2 of 0 to 2, the walker examines for aggregation.</summary>
    public int AggregationLog2Max
    {
        readonly get => aggregationLog2Max;
        set
        {
            aggregationLog2Max = value;
            isSpecial = setsDirtyState || value != 0;
        }
    }

    /// <inheritdoc/>
    public readonly bool Walk(VirtAddr address, AccessKind kind, bool isPrivileged, ref WalkResult result)
    {
        if (!result.WantsPath)
        {
            byte* place = FindPage(address.Value, goesFar: true, out ulong restrictions);
            if (place != null && TryFinishStraight(place, restrictions, ref result, out bool isMapped))
            {
                return isMapped;
            }
        }

        return WalkLevels(address.Value, kind, isPrivileged, ref result);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly ulong TryWalkPlain(VirtAddr address, bool goesFar, out ulong outputAddress)
    {
        Unsafe.SkipInit(out outputAddress);
        byte* place = FindPage(address.Value, goesFar, out ulong restrictions);
        if (place == null)
        {
            return PlainTranslation.None;
        }

        // SAFETY: FindPage found it in a table that lies in the bank.
        ulong descriptor = *(ulong*)place;
        if (((descriptor ^ (TableOrPage | AccessFlag)) & (TypeMask | AccessFlag | Contiguous)) != 0 || (isSpecial && IsSpecial(descriptor)))
        {
            return (descriptor & TypeMask) != TableOrPage && IsInFirstBank(place) ? PlainTranslation.Empty : PlainTranslation.None;
        }

        outputAddress = descriptor & AddressMask;
        return PlainTranslation.Pack(GranuleLog2, 3, AllowedBy(descriptor, restrictions), unchecked((int)(descriptor >> 2)) & 7, (descriptor & NotGlobal) == 0);
    }

    /// <inheritdoc/>
    public readonly int PlainStartLevel => 0;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Prefetch(VirtAddr address)
    {
        if (Sse.IsSupported)
        {
            // SAFETY: the index is masked to the array's length; a prefetch of whatever address does not fault.
            byte* table = FollowedTables.LowersOf(followed)[(address.Value >> 21) & FollowedTables.LowerMask].Table3;
            Sse.Prefetch0(table + ((address.Value >> 9) & PlaceMask));
        }
    }

    // The common cases without a store per level: from the root to a page that needs no update, or to an empty place of a last-level table.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly bool TryFinishStraight(byte* place, ulong restrictions, ref WalkResult result, out bool isMapped)
    {
        // SAFETY: FindPage found it in a table that lies in the bank.
        ulong descriptor = *(ulong*)place;
        isMapped = (descriptor & TypeMask) == TableOrPage;
        if (!isMapped)
        {
            if (!IsInFirstBank(place))
            {
                return false;
            }

            result.GranuleLog2 = GranuleLog2;
            result.StartLevel = 0;
            Fail(ref result, TranslationStop.TranslationFault, 3);
            return true;
        }

        bool needsUpdate = SetsDirtyState && (descriptor & (DirtyModifier | ReadOnly)) == (DirtyModifier | ReadOnly);
        if ((descriptor & AccessFlag) == 0 || needsUpdate)
        {
            return false;
        }

        result.GranuleLog2 = GranuleLog2;
        result.StartLevel = 0;
        Describe(unchecked((ulong)(place - bias)), descriptor, restrictions, 3, ref result);
        return true;
    }

    // The first notes lead from an empty place of any table to one of zeros outside the arena: a walk that ends there ended further up.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly bool IsInFirstBank(byte* place) => unchecked((ulong)(place - bias) - start) <= lastTableOffset + LastTableByte;

    // Where a walk through four tables, all of them in the first bank, reads its last descriptor; null where it goes another way.
    // Each descriptor is read and compared with the one that was followed last time: the next read need not wait for that.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly byte* FindPage(ulong va, bool goesFar, out ulong restrictions)
    {
        Unsafe.SkipInit(out restrictions);

        // Each half has 48 bits: the upper 16 are all equal.
        ulong half = va >> 48;
        byte* root = half == 0 ? table0 : half == ushort.MaxValue ? table1 : null;
        if (root == null)
        {
            return null;
        }

        // SAFETY: the roots were checked when they were set, and a followed descriptor's table when it was noted.
        FollowedTables.Upper* upper = followed + ((va >> 30) & FollowedTables.UpperMask);
        ulong descriptor0 = *(ulong*)(root + ((va >> 36) & PlaceMask));
        ulong descriptor1 = *(ulong*)(upper->Table1 + ((va >> 27) & PlaceMask));
        ulong descriptor2 = *(ulong*)(upper->Table2 + ((va >> 18) & PlaceMask));
        FollowedTables.Lower* lower = FollowedTables.LowersOf(followed) + ((va >> 21) & FollowedTables.LowerMask);
        if (((descriptor0 ^ upper->Descriptor0) | (descriptor1 ^ upper->Descriptor1) | (descriptor2 ^ lower->Descriptor2)) != 0)
        {
            return !goesFar ? null : Follow(va, root, upper, lower, out restrictions);
        }

        restrictions = descriptor0 | descriptor1 | descriptor2;
        return lower->Table3 + ((va >> 9) & PlaceMask);
    }

    // Reads the descriptors one after the other, and notes those that lead on.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private readonly byte* Follow(ulong va, byte* root, FollowedTables.Upper* upper, FollowedTables.Lower* lower, out ulong restrictions)
    {
        restrictions = 0;
        ulong descriptor0 = *(ulong*)(root + ((va >> 36) & PlaceMask));
        if (!TryFollow(descriptor0, out byte* followed1))
        {
            return null;
        }

        ulong descriptor1 = *(ulong*)(followed1 + ((va >> 27) & PlaceMask));
        if (!TryFollow(descriptor1, out byte* followed2))
        {
            return null;
        }

        *upper = new FollowedTables.Upper { Descriptor0 = descriptor0, Descriptor1 = descriptor1, Table1 = followed1, Table2 = followed2 };
        ulong descriptor2 = *(ulong*)(followed2 + ((va >> 18) & PlaceMask));
        if (!TryFollow(descriptor2, out byte* followed3))
        {
            return null;
        }

        *lower = new FollowedTables.Lower { Descriptor2 = descriptor2, Table3 = followed3 };
        restrictions = descriptor0 | descriptor1 | descriptor2;
        return followed3 + ((va >> 9) & PlaceMask);
    }

    // The table that a descriptor points to; false where there is none in the first bank.
    private readonly bool TryFollow(ulong descriptor, out byte* table)
    {
        ulong address = descriptor & AddressMask;
        table = bias + address;
        return (descriptor & TypeMask) == TableOrPage && unchecked(address - start) <= lastTableOffset;
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

    private readonly bool IsSpecial(ulong descriptor) =>
        aggregationLog2Max != 0 || (descriptor & (DirtyModifier | ReadOnly)) == (DirtyModifier | ReadOnly);

    private readonly byte* FindInFirstBank(ulong root) =>
        root % (LastTableByte + 1) == 0 && unchecked(root - start) <= lastTableOffset ? bias + root : null;

    // Each half has 48 bits: the upper 16 are all equal.
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
        result.AttributeIndex = unchecked((int)(descriptor >> 2)) & 7;
        result.IsGlobal = (descriptor & NotGlobal) == 0;
        result.Allowed = AllowedBy(descriptor, restrictions);
        result.IsDirtyLater = false;
        result.AggregationLog2 = AggregationLog2Max != 0 && level == 3 && (descriptor & Contiguous) == 0 ? Aggregate(place, descriptor) : 0;
    }

    // A page that a store may make dirty counts as writable: what EL0 may write, EL1 does not execute.
    private readonly uint AllowedBy(ulong descriptor, ulong restrictions, bool isWritableClean) =>
        AllowedBy(descriptor, restrictions) & (isWritableClean ? AllowedBy(descriptor & ~ReadOnly, restrictions) | ~AllowTables.Fetches : uint.MaxValue);

    // SAFETY: the index has eight bits, and the table 256 elements.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly uint AllowedBy(ulong descriptor, ulong restrictions) =>
        allows[((descriptor >> 6) & 3) | ((descriptor >> 51) & 0xC) | ((restrictions >> 55) & 0xF0)];

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
