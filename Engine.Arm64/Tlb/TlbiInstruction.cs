// A TLBI instruction with its operand register, encoded as the architecture does (Arm DDI 0487, C5.5):
//
//   by address    63      48 47   44 43                       0
//                +----------+-------+--------------------------+
//                |   ASID   |  TTL  |        VA[55:12]         |     whatever the granule
//                +----------+-------+--------------------------+
//   by range      63      48 47 46 45   44 43 39 38 37 36      0
//                +----------+-----+-------+-----+-----+---------+
//                |   ASID   | TG  | SCALE | NUM | TTL | BaseADDR|     (NUM + 1) * 2^(5 * SCALE + 1) pages of the granule
//                +----------+-----+-------+-----+-----+---------+
// TTL of an address: bits 3:2 are the granule (1: 4K, 2: 16K, 3: 64K), bits 1:0 the level of the leaf; 0 in 3:2 gives no hint.
// TTL of a range: the level, 0 for no hint. BaseADDR is in units of the granule, or of 64 KiB with 52-bit addresses (TCR_EL1.DS).

using System.Globalization;
using Engine.Arm64.Units;

namespace Engine.Arm64.Tlb;

/// <summary>One TLB invalidation instruction.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Operand">The register Xt; ignored by those without an operand.</param>
public readonly record struct TlbiInstruction(TlbiKind Kind, ulong Operand)
{
    private const int AsidShift = 48;
    private const int AddressTtlShift = 44;
    private const ulong AddressMask = (1UL << 44) - 1;
    private const int GranuleShift = 46;
    private const int ScaleShift = 44;
    private const int NumShift = 39;
    private const int RangeTtlShift = 37;
    private const ulong BaseMask = (1UL << 37) - 1;

    /// <summary>The largest NUM.</summary>
    public const int NumMax = 31;

    /// <summary>The largest SCALE.</summary>
    public const int ScaleMax = 3;

    /// <summary>By address.</summary>
    /// <param name="kind">One of the four address forms.</param>
    /// <param name="address">Any address in the page.</param>
    /// <param name="asid">The address space.</param>
    /// <param name="level">The level of the leaf, 1 to 3; 0 for no hint.</param>
    /// <param name="granuleLog2">12, 14 or 16; matters only with a level.</param>
    public static TlbiInstruction ForAddress(TlbiKind kind, VirtAddr address, Asid asid, int level = 0, int granuleLog2 = 12)
    {
        ulong ttl = level == 0 ? 0 : (GranuleCode(granuleLog2) << 2) | ((ulong)(uint)level & 3);
        return new(kind, ((ulong)asid.Value << AsidShift) | (ttl << AddressTtlShift) | ((address.Value >> 12) & AddressMask));
    }

    /// <summary>By range.</summary>
    /// <param name="kind">One of the four range forms.</param>
    /// <param name="start">The first address, aligned to the unit of BaseADDR.</param>
    /// <param name="asid">The address space.</param>
    /// <param name="scale">0 to 3.</param>
    /// <param name="num">0 to 31.</param>
    /// <param name="level">The level of the leaves, 1 to 3; 0 for no hint.</param>
    /// <param name="granuleLog2">12, 14 or 16.</param>
    /// <param name="hasWideAddresses">Whether TCR_EL1.DS is 1: BaseADDR counts 64 KiB.</param>
    public static TlbiInstruction ForRange(
        TlbiKind kind, VirtAddr start, Asid asid, int scale, int num, int level = 0, int granuleLog2 = 12, bool hasWideAddresses = false)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)scale, (uint)ScaleMax, nameof(scale));
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)num, (uint)NumMax, nameof(num));
        int unitLog2 = hasWideAddresses ? 16 : granuleLog2;
        return new(
            kind,
            ((ulong)asid.Value << AsidShift) | (GranuleCode(granuleLog2) << GranuleShift) | ((ulong)(uint)scale << ScaleShift)
                | ((ulong)(uint)num << NumShift) | (((ulong)(uint)level & 3) << RangeTtlShift) | ((start.Value >> unitLog2) & BaseMask));
    }

    /// <summary>Without an address.</summary>
    public static TlbiInstruction ForAll(TlbiKind kind, Asid asid = default) => new(kind, (ulong)asid.Value << AsidShift);

    /// <summary>Pages of the granule that a range instruction covers.</summary>
    public static ulong RangePages(int scale, int num) => ((ulong)(uint)num + 1) << ((5 * scale) + 1);

    /// <summary>Whether it works on a range.</summary>
    public bool IsRange => Kind is (>= TlbiKind.Rvae1 and <= TlbiKind.Rvaale1) or TlbiKind.Ripas2e1 or TlbiKind.Ripas2le1;

    /// <summary>Whether it works on one address.</summary>
    public bool IsAddress => Kind is <= TlbiKind.Vaale1 or TlbiKind.Ipas2e1 or TlbiKind.Ipas2le1;

    /// <summary>Whether its addresses are intermediate ones: it works on stage 2's translations alone.</summary>
    public bool IsIntermediate => Kind >= TlbiKind.Ipas2e1;

    /// <summary>Whether it reaches caches of stage 2's translations.</summary>
    internal bool ReachesStage2 => Kind >= TlbiKind.Alle1;

    /// <summary>Whether walk caches keep their tables.</summary>
    public bool IsLastLevelOnly => Kind is TlbiKind.Vale1 or TlbiKind.Vaale1 or TlbiKind.Rvale1 or TlbiKind.Rvaale1 or TlbiKind.Ipas2le1 or TlbiKind.Ripas2le1;

    /// <summary>The address space of the operand.</summary>
    public Asid Asid => new(unchecked((ushort)(Operand >> AsidShift)));

    private bool IsForEveryAsid => Kind is TlbiKind.Vaae1 or TlbiKind.Vaale1 or TlbiKind.Rvaae1 or TlbiKind.Rvaale1 || IsIntermediate;

    /// <summary>The level hint, 0 where there is none.</summary>
    public int LevelHint =>
        IsRange ? unchecked((int)(Operand >> RangeTtlShift)) & 3
        : IsAddress && ((Operand >> (AddressTtlShift + 2)) & 3) != 0 ? unchecked((int)(Operand >> AddressTtlShift)) & 3
        : 0;

    /// <summary>Name and operand: <c>TLBI VALE1, 0x0001000000005510</c>.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"TLBI {Kind.ToString().ToUpperInvariant()}{(IsRange || IsAddress || Kind == TlbiKind.Aside1 ? $", 0x{Operand:x16}" : "")}");

    /// <summary>What it takes out.</summary>
    /// <param name="vmid">The current VMID.</param>
    /// <param name="hasWideAddresses">Whether TCR_EL1.DS is 1.</param>
    /// <param name="ignoresHints">Without the level hint and the granule.</param>
    /// <returns>Null where a reserved granule leaves it without effect.</returns>
    internal TlbInvalidation? Decode(ushort vmid, bool hasWideAddresses, bool ignoresHints = false)
    {
        TlbInvalidation all = new() { Last = ulong.MaxValue, AnyAsid = true, Vmid = vmid, Levels = TlbInvalidation.EveryLevel };
        switch (Kind)
        {
            case TlbiKind.Alle1:
                return all with { AnyVmid = true };
            case TlbiKind.Vmalle1 or TlbiKind.Vmalls12e1:
                return all;
            case TlbiKind.Aside1:
                return all with { AnyAsid = false, Asid = Asid.Value, KeepsGlobal = true };
        }

        TlbInvalidation some = all with { AnyAsid = IsForEveryAsid, Asid = Asid.Value };
        int level = LevelHint;
        if (level != 0 && !ignoresHints)
        {
            some = some with { Levels = 1u << level };
        }

        if (IsAddress)
        {
            ulong address = IsIntermediate ? (Operand & AddressMask) << 12 : SignExtend((Operand & AddressMask) << 12, 56);
            ulong granule = (Operand >> (AddressTtlShift + 2)) & 3;
            return some with
            {
                First = address,
                Last = address | 0xFFF,
                GranuleLog2 = ignoresHints ? 0 : GranuleOf(granule),
            };
        }

        int granuleLog2 = GranuleOf((Operand >> GranuleShift) & 3);
        if (granuleLog2 == 0)
        {
            return null;
        }

        int unitLog2 = hasWideAddresses ? 16 : granuleLog2;
        ulong start = IsIntermediate ? (Operand & BaseMask) << unitLog2 : SignExtend((Operand & BaseMask) << unitLog2, 37 + unitLog2);
        ulong pages = RangePages(unchecked((int)(Operand >> ScaleShift)) & ScaleMax, unchecked((int)(Operand >> NumShift)) & NumMax);
        ulong last = unchecked(start + (pages << granuleLog2) - 1);
        return some with { First = start, Last = last < start ? ulong.MaxValue : last, GranuleLog2 = ignoresHints ? 0 : granuleLog2 };
    }

    private static ulong SignExtend(ulong value, int bits) => unchecked((ulong)((long)(value << (64 - bits)) >> (64 - bits)));

    private static ulong GranuleCode(int granuleLog2) => granuleLog2 switch
    {
        12 => 1,
        14 => 2,
        16 => 3,
        _ => throw new ArgumentOutOfRangeException(nameof(granuleLog2), granuleLog2, "a granule is 12, 14 or 16"),
    };

    private static int GranuleOf(ulong code) => code switch
    {
        1 => 12,
        2 => 14,
        3 => 16,
        _ => 0,
    };
}
