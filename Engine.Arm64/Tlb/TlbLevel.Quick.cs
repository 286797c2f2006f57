// What the short way through a miss (TranslationUnit.Quick.cs) needs from its two levels.

using System.Runtime.CompilerServices;

namespace Engine.Arm64.Tlb;

internal sealed unsafe partial class TlbLevel
{
    /// <summary>
    /// Whether the short way can ever go from this level to another: a fully associative LRU level over one of sets. Neither aggregates, nor
    /// does another level want what gives way there.
    /// </summary>
    public bool CanFillQuicklyFrom(TlbLevel second) =>
        isFull && policy == ReplacementPolicy.Lru && plainSizes != 0
        && !second.isFull && second.policy == ReplacementPolicy.Lru && second.ways <= MatrixWaysMax && second.plainSizes != 0
        && !KeepsVictims && !second.KeepsVictims;

    /// <summary>Describes this level and the next.</summary>
    public void Describe(QuickSide* side, TlbLevel second)
    {
        side->None = none;
        side->FirstSlot = (uint)FirstSlot;
        side->SlotCount = (uint)entryCount;
        side->Lanes = second.lanes;
        side->Orders = second.orders;
        side->SecondEntries = second.entries;
        side->WayMask = (uint)second.fullRow;
        side->WayUses = second.wayUses;
        side->Sets = second.sets;
        side->SetMask = second.setMask;
        side->SetReciprocal = second.setReciprocal;
        side->SetLaneBytes = second.laneStride * sizeof(ulong);
        side->SetEntryBytes = (uint)(second.ways * sizeof(TlbEntry));
    }

    /// <summary>Notes what may have changed in this level and the next.</summary>
    public void Update(QuickSide* side, TlbLevel second)
    {
        ulong size = 1UL << side->Shift;
        bool isUniform = presentSizes == size && (second.presentSizes & ~size) == 0 && pieceCount == 0 && second.pieceCount == 0;
        side->IsUniform = isUniform;
        side->IsOpen = !second.hasOtherVmids;
        side->HasFree = freeCount != 0;
        side->NoneIfPlain = isUniform && side->IsOpen && freeCount == 0 ? none : uint.MaxValue;
        side->HasGlobals = second.hasGlobals;
        side->PageMask = ulong.MaxValue << side->Shift;
        side->LaneMask = (side->PageMask << LaneShift) & LaneAddressMask;
        side->LaneMarker = LaneAddress(0, side->Shift);
        side->LaneTags = side->LaneMarker | second.laneAsid;
    }

    /// <summary>Notes that a plain entry is about to take the place of another.</summary>
    /// <param name="old">What was there; it may be unused.</param>
    /// <param name="sizeLog2">log2 of the bytes of the new entry.</param>
    /// <returns>Whether that changes which sizes the level has, or how many pieces.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public bool CountPlain(TlbEntry* old, int sizeLog2)
    {
        ulong sizesBefore = presentSizes;
        int piecesBefore = pieceCount;
        if (old->IsUsed)
        {
            ForgetSize(old->SizeLog2);
            pieceCount -= old->IsPiece ? 1 : 0;
        }

        RememberSize(sizeLog2);
        return presentSizes != sizesBefore || pieceCount != piecesBefore;
    }
}
