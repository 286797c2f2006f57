// One translation-table descriptor. Leaf descriptors (pages and blocks), the bits that matter to Linux on arm64 v6.9
// (arch/arm64/include/asm/pgtable-hwdef.h and pgtable-prot.h); Arm DDI 0487, D8.3 has the hardware's side:
//
//   63   59 58 57 56 55 54 53 52 51 50 49      48 47              12 11 10 9  8 7  6 5  4   2 1 0
//  +-------+--+--+--+--+--+--+--+--+--+----------+------------------+--+--+----+----+--+-----+-+-+
//  |       |PN|  |SP|DI|UX|PX|CO|DB|GP|          | output address   |nG|AF| SH | AP |NS|Attr |T|V|
//  +-------+--+--+--+--+--+--+--+--+--+----------+------------------+--+--+----+----+--+-----+-+-+
//
// PN PROT_NONE (only while V is clear), SP special, DI software dirty, UX/PX execute never, CO contiguous,
// DB dirty bit modifier, which Linux uses as its software write bit; AP[2] is 7 (read-only), AP[1] is 6 (EL0).
// Table descriptors: PXNTable 59, XNTable 60, APTable 62:61, NSTable 63.
// A swap entry (V and T clear): exclusive 2, type 7:3, offset 57:8.

using System.Globalization;
using Engine.Core.Units;

namespace Engine.Arm64.Translation;

/// <summary>A 64-bit VMSAv8-64 descriptor, with Linux's use of its software bits. All zero is <see cref="None"/>.</summary>
public readonly partial record struct Descriptor
{
    /// <summary>Bytes in a descriptor.</summary>
    public const int SizeBytes = 8;

    /// <summary>The empty entry (<c>pte_none</c>).</summary>
    public static Descriptor None => default;

    internal const ulong ValidBit = 1UL << 0;
    internal const ulong TableBit = 1UL << 1;
    internal const int AttributeIndexShift = 2;
    internal const ulong AttributeIndexMask = 7UL << AttributeIndexShift;
    internal const ulong NonSecureBit = 1UL << 5;
    internal const ulong UserBit = 1UL << 6;
    internal const ulong ReadOnlyBit = 1UL << 7;
    internal const int ShareabilityShift = 8;
    internal const ulong InnerShareable = 3UL << ShareabilityShift;
    internal const ulong AccessFlagBit = 1UL << 10;
    internal const ulong NotGlobalBit = 1UL << 11;
    internal const ulong GuardedBit = 1UL << 50;
    internal const ulong DirtyBitModifierBit = 1UL << 51;
    internal const ulong ContiguousBit = 1UL << 52;
    internal const ulong PxnBit = 1UL << 53;
    internal const ulong UxnBit = 1UL << 54;

    /// <summary>Output address bits of a 48-bit format, at the granularity of 4 KiB.</summary>
    internal const ulong AddressMask = 0x0000_FFFF_FFFF_F000UL;

    internal readonly ulong Value;

    /// <summary>Wraps a descriptor.</summary>
    /// <param name="value">The 64 bits as memory holds them.</param>
    public Descriptor(ulong value) => Value = value;

    /// <summary>The descriptor as an integer.</summary>
    public ulong ToUInt64() => Value;

    /// <summary>Whether the entry is empty (<c>pte_none</c>).</summary>
    public bool IsNone => Value == 0;

    /// <summary>Bit 0: the hardware uses the entry (<c>pte_valid</c>).</summary>
    public bool IsValid => (Value & ValidBit) != 0;

    /// <summary>Whether an entry above the last level points to a table.</summary>
    public bool IsTable => (Value & (ValidBit | TableBit)) == (ValidBit | TableBit);

    /// <summary>AttrIndx: which byte of MAIR describes the memory, 0..7.</summary>
    public int AttributeIndex => (int)((Value & AttributeIndexMask) >> AttributeIndexShift);

    /// <summary>AP[1]: EL0 may access (<c>PTE_USER</c>).</summary>
    public bool IsUser => (Value & UserBit) != 0;

    /// <summary>AP[2]: the hardware refuses writes (<c>PTE_RDONLY</c>).</summary>
    public bool IsReadOnly => (Value & ReadOnlyBit) != 0;

    /// <summary>SH: 0 none, 2 outer, 3 inner.</summary>
    public int Shareability => (int)((Value >> ShareabilityShift) & 3);

    /// <summary>AF: the entry was used (<c>pte_young</c>).</summary>
    public bool IsYoung => (Value & AccessFlagBit) != 0;

    /// <summary>nG: the translation belongs to one ASID.</summary>
    public bool IsNotGlobal => (Value & NotGlobalBit) != 0;

    /// <summary>Bit 52: the entry is one of an aligned run of entries with contiguous output (<c>pte_cont</c>).</summary>
    public bool IsContiguous => (Value & ContiguousBit) != 0;

    /// <summary>PXN: EL1 must not execute.</summary>
    public bool IsPrivilegedExecuteNever => (Value & PxnBit) != 0;

    /// <summary>UXN: EL0 must not execute.</summary>
    public bool IsUserExecuteNever => (Value & UxnBit) != 0;

    /// <summary>The output address of a leaf in a 48-bit format (<c>__pte_to_phys</c>), or a table's address.</summary>
    public PhysAddr OutputAddress => new(Value & AddressMask);

    /// <summary>The frame of <see cref="OutputAddress"/> (<c>pte_pfn</c>); <see cref="Pfn.None"/> at 16 TiB and above.</summary>
    public Pfn Pfn => OutputAddress.Pfn;

    /// <summary>A table descriptor as Linux's <c>__pmd_populate</c> makes it.</summary>
    /// <param name="table">The table's first byte, aligned to the table.</param>
    /// <param name="hierarchical">PXNTable for a user table (<c>PMD_TABLE_PXN</c>), or 0.</param>
    internal static Descriptor ForTable(PhysAddr table, ulong hierarchical) =>
        new(table.ToUInt64() | ValidBit | TableBit | hierarchical);

    /// <summary>The 64 bits in hexadecimal.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"0x{Value:x16}");
}
