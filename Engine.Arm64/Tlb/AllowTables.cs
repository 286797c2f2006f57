// What a descriptor of the arena's tables and the restrictions above it allow, as a table: index
//
//    7         4 3     2 1     0
//  +------------+---+---+-------+
//  |    62:59   |UXN|PXN|AP[2:1]|
//  +------------+---+---+-------+
//
// where 62:59 are those bits of the table descriptors ORed: APTable[1:0] (62:61), XNTable (60) and PXNTable (59). An element has bits
// 0..3 for EL0's fetch, load, store and modify, and 4..7 for EL1's (Arm DDI 0487, D8.4.1, D8.4.2).

using System.Runtime.CompilerServices;

namespace Engine.Arm64.Tlb;

/// <summary>Permissions by the bits of descriptors.</summary>
internal static unsafe class AllowTables
{
    /// <summary>What EL0 and EL1 may fetch.</summary>
    public const uint Fetches = Fetch0 | Fetch1;

    private const int Length = 256;
    private const uint Fetch0 = 1, Load0 = 2, Write0 = 4 | 8, Fetch1 = 16, Load1 = 32, Write1 = 64 | 128;

    // Without PAN, then with it.
    private static readonly byte[] Tables = Build();

    // By the bits 3..0 alone. AP 00: EL1 read/write, EL0 none (but EL0 may execute); 01: both read/write; 10: EL1 read; 11: both read.
    private static ReadOnlySpan<byte> ByDescriptor =>
    [
        (byte)(Fetch0 | Fetch1 | Load1 | Write1), (byte)(Fetch0 | Load0 | Write0 | Load1 | Write1), (byte)(Fetch0 | Fetch1 | Load1), (byte)(Fetch0 | Load0 | Fetch1 | Load1),
        (byte)(Fetch0 | Load1 | Write1), (byte)(Fetch0 | Load0 | Write0 | Load1 | Write1), (byte)(Fetch0 | Load1), (byte)(Fetch0 | Load0 | Load1),
        (byte)(Fetch1 | Load1 | Write1), (byte)(Load0 | Write0 | Load1 | Write1), (byte)(Fetch1 | Load1), (byte)(Load0 | Fetch1 | Load1),
        (byte)(Load1 | Write1), (byte)(Load0 | Write0 | Load1 | Write1), (byte)Load1, (byte)(Load0 | Load1),
    ];

    /// <summary>The table of 256 bytes; it never moves.</summary>
    /// <param name="forbidsUserData">Whether EL1 may not load from or store to what EL0 may (PSTATE.PAN).</param>
    public static byte* Get(bool forbidsUserData) => (byte*)Unsafe.AsPointer(ref Tables[forbidsUserData ? Length : 0]);

    private static byte[] Build()
    {
        byte[] tables = GC.AllocateArray<byte>(2 * Length, pinned: true);
        for (int i = 0; i < Length; i++)
        {
            int restrictions = i >> 4;

            // APTable[1] takes writing away, APTable[0] EL0's data access; XNTable and PXNTable have the places of UXN and PXN.
            int own = (i & 15) | ((restrictions & 3) << 2) | ((restrictions >> 2) & 2);
            own &= ~((restrictions >> 2) & 1);
            byte allowed = ByDescriptor[own];
            tables[i] = allowed;
            tables[Length + i] = (own & 1) != 0 ? (byte)(allowed & ~(Load1 | Write1)) : allowed;
        }

        return tables;
    }
}
