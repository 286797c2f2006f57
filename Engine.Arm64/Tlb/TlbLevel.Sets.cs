// Finding in a level with sets: all ways of a set are compared at once.
//
//   63                                    19 18       3  2   1      0
//  +----------------------------------------+----------+---+------+---+
//  | address bits 55:12, and below the page | ASID, or | 0 |global| 1 |
//  | number a 1 that marks the page's size  |  0       |   |      |   |
//  +----------------------------------------+----------+---+------+---+
// The marker: for a page of 2^s bytes the bit of place s - 1 is set and all lower ones are clear, so equal lanes mean equal size.
// An unused way is 0. The VMID is compared in the entry.

using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Engine.Arm64.Tlb;

internal sealed unsafe partial class TlbLevel
{
    /// <summary>How far a lane holds an address above its place.</summary>
    public const int LaneShift = 8;

    private const ulong LaneAddressMask = ~0UL << 19;
    private const int LaneAsidShift = 3;
    private const ulong LaneGlobal = 2;
    private const ulong LaneUsed = 1;

    /// <summary>What the lane of a global entry has beside its address.</summary>
    public const ulong LaneOfGlobal = LaneGlobal | LaneUsed;

    private ulong* lanes;
    private uint laneStride;

    // Division by the number of sets: q = high half of (n * reciprocal), exact for n below 2^44 and sets up to 2^20.
    private ulong setReciprocal;

    // sets - 1 where sets are a power of two, else 0.
    private uint setMask;

    // Division by the number of ways: exact for slots below 2^20 and ways up to 2^8.
    private ulong wayReciprocal;

    // The current address space as lanes need it.
    private ulong laneAsid = LaneUsed;

    // Whether there may be a global entry: there was one since the level was emptied.
    private bool hasGlobals;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private TlbEntry* FindInSets(ulong address)
    {
        for (ulong present = presentSizes; present != 0; present &= present - 1)
        {
            int sizeLog2 = BitOperations.TrailingZeroCount(present);
            uint set = SetOf(address, sizeLog2);
            ulong key = LaneAddress(address, sizeLog2);
            Vector256<ulong> own = Vector256.Create(key | laneAsid);
            Vector256<ulong> global = Vector256.Create(key | LaneGlobal | LaneUsed);
            ulong* lane = lanes + (set * laneStride);
            for (uint way = 0; way < laneStride; way += 8)
            {
                // SAFETY: laneStride is a multiple of four, and set is below the number of sets.
                Vector256<ulong> low = Vector256.Load(lane + way);
                uint matches = (Vector256.Equals(low, own) | Vector256.Equals(low, global)).ExtractMostSignificantBits();
                if (way + 4 < laneStride)
                {
                    Vector256<ulong> high = Vector256.Load(lane + way + 4);
                    matches |= (Vector256.Equals(high, own) | Vector256.Equals(high, global)).ExtractMostSignificantBits() << 4;
                }

                for (; matches != 0; matches &= matches - 1)
                {
                    TlbEntry* entry = entries + (set * (uint)ways) + way + (uint)BitOperations.TrailingZeroCount(matches);
                    if (entry->Vmid == currentVmid)
                    {
                        return entry;
                    }
                }
            }
        }

        return null;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint SetOf(ulong address, int sizeLog2)
    {
        if (setMask != 0)
        {
            return unchecked((uint)(address >> sizeLog2)) & setMask;
        }

        ulong page = PageOf(address, sizeLog2);
        return (uint)(page - (Math.BigMul(page, setReciprocal, out _) * sets));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint SetOfSlot(uint slot) => (uint)((slot * wayReciprocal) >> 32);

    /// <summary>The page number of the lower 56 bits of an address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong PageOf(ulong address, int sizeLog2) => (address << LaneShift) >> (sizeLog2 + LaneShift);

    /// <summary>What the lane of a page has beside ASID and flags: the page with half a page more, the marker.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LaneAddress(ulong address, int sizeLog2) =>
        ((((address >> sizeLog2) * 2) + 1) << (sizeLog2 - 1 + LaneShift)) & LaneAddressMask;

    private ulong LaneOf(ulong address, int sizeLog2, ulong meta)
    {
        ulong global = (meta >> TlbEntry.GlobalShift) & 1;
        ulong asid = global != 0 ? 0 : (meta >> TlbEntry.AsidShift) & ushort.MaxValue;
        hasGlobals |= global != 0;
        return LaneAddress(address, sizeLog2) | (asid << LaneAsidShift) | (global * LaneGlobal) | LaneUsed;
    }

    private void LayOutSets(byte* start, ref long offset)
    {
        // floor(2^64 / sets) + 1 where sets are no power of two.
        setReciprocal = (ulong.MaxValue / sets) + 1;
        setMask = BitOperations.IsPow2(sets) ? sets - 1 : 0;

        wayReciprocal = ((1UL << 32) / (uint)ways) + 1;
        laneStride = (uint)(ways + 3) & ~3u;


        // Eight lanes are readable from any set's first one on.
        lanes = (ulong*)Carve(start, ref offset, (((long)sets * laneStride) + 4) * sizeof(ulong));
    }
}
