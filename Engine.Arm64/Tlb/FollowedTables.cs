// Descriptors of tables that walks followed lately, each with the host's address of the table. Where a table lies in the host's memory
// depends on the descriptor alone, so a note never becomes wrong: a walk reads each descriptor anew, and where it reads what is noted, it
// may go on at what is noted. In the model nothing is cached: all descriptors are read.
//
// At first every note says that the descriptor 0 leads to a table of zeros. So it does no harm to follow it: all ends at an
// invalid descriptor.

using System.Runtime.CompilerServices;

namespace Engine.Arm64.Tlb;

/// <summary>Notes of one walker.</summary>
internal sealed unsafe class FollowedTables
{
    /// <summary>The notes of levels 0 and 1, less one; by the address bits from 30 on.</summary>
    public const ulong UpperMask = 63;

    /// <summary>The notes of level 2, less one; by the address bits from 21 on.</summary>
    public const ulong LowerMask = 511;

    private const int TableBytes = 4096;
    private const int CacheLineBytes = 64;

    private readonly byte[] storage;

    /// <summary>Makes the first notes.</summary>
    public FollowedTables()
    {
        int upperBytes = (int)(UpperMask + 1) * sizeof(Upper);
        int lowerBytes = (int)(LowerMask + 1) * sizeof(Lower);
        storage = GC.AllocateArray<byte>(upperBytes + lowerBytes + TableBytes + CacheLineBytes, pinned: true);
        Uppers = (Upper*)(((nuint)Unsafe.AsPointer(ref storage[0]) + CacheLineBytes - 1) & ~(nuint)(CacheLineBytes - 1));
        Lower* lowers = LowersOf(Uppers);
        byte* zeros = (byte*)(lowers + LowerMask + 1);
        for (ulong i = 0; i <= UpperMask; i++)
        {
            Uppers[i].Table1 = zeros;
            Uppers[i].Table2 = zeros;
        }

        for (ulong i = 0; i <= LowerMask; i++)
        {
            lowers[i].Table3 = zeros;
        }
    }

    /// <summary>The notes of levels 0 and 1; valid while this object lives.</summary>
    public Upper* Uppers { get; }

    /// <summary>The notes of level 2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lower* LowersOf(Upper* uppers) => (Lower*)(uppers + UpperMask + 1);

    /// <summary>A descriptor of level 0 and one of level 1.</summary>
    internal struct Upper
    {
        public ulong Descriptor0;
        public ulong Descriptor1;
        public byte* Table1;
        public byte* Table2;
    }

    /// <summary>A descriptor of level 2.</summary>
    internal struct Lower
    {
        public ulong Descriptor2;
        public byte* Table3;
    }
}
