// Translating one address a call. Only the comparison with the most recently used entry is inlined; what is farther away is in methods of its
// own, each with as small a frame as its callees allow.

using System.Runtime.CompilerServices;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.Arm64.Tlb;

public sealed unsafe partial class TranslationUnit<TWalker, TObserver>
{
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
        if (TObserver.Checks)
        {
            return TranslateChecked(address.Value, kind);
        }

        uint isData = ((uint)kind + 3) >> 2;
        TlbEntry** last = lasts;
        ((ulong*)last)[2 + isData]++;
        TlbEntry* entry = last[isData & dataCell];
        return (address.Value & entry->Mask) == entry->Tag && ((entry->Meta >> ((int)kind + elShift)) & 1) != 0
            ? unchecked(address.Value + entry->Delta)
            : TranslateSlowly(address.Value, kind);
    }

    // Not the most recent entry, but the one that the hint names. All calls are the last thing done, so that this needs no frame.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong TranslateSlowly(ulong address, AccessKind kind)
    {
        uint isData = ((uint)kind + 3) >> 2;
        QuickSide* side = sides + isData;
        if (side->Index == null)
        {
            return TranslateGenerally(address, kind);
        }

        uint slot = side->Index[unchecked((uint)(address >> side->Shift)) & side->IndexMask].Hint;
        TlbEntry* entry = side->Entries + slot;
        if ((address & entry->Mask) != entry->Tag || ((entry->Meta >> ((int)kind + side->PermissionShift)) & 1) == 0)
        {
            return TranslateMiss(address, kind);
        }

        int end = *side->End;
        if (end == side->LogLength)
        {
            return TranslateAfterCompaction(address, kind);
        }

        side->Log[end] = (ushort)slot;
        side->Stamps[slot] = (ushort)end;
        *side->End = end + 1;
        lasts[isData & dataCell] = entry;
        return unchecked(address + entry->Delta);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong TranslateAfterCompaction(ulong address, AccessKind kind)
    {
        group!.Compact();
        return TranslateSlowly(address, kind);
    }

    // A miss that the short way fills without a call.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong TranslateMiss(ulong address, AccessKind kind)
    {
        QuickSide* side = sides + (((uint)kind + 3) >> 2);
        IndexCell* cell = side->Index + (unchecked((uint)(address >> side->Shift)) & side->IndexMask);
        int end = *side->End;
        if ((cell->First != side->NoneIfPlain && !IsAbsentFromChain(side, address, cell->First)) || end == side->LogLength)
        {
            return TranslateGenerally(address, kind);
        }

        uint slot = TryFill<SingleCase>(side, address, cell, (int)kind + side->PermissionShift, null, null);
        if (slot >= NoEntry)
        {
            return slot == NoEntry ? TranslateEmpty(address, kind) : slot == NoPage ? TranslateAbsent(address, kind) : TranslateGenerally(address, kind);
        }

        side->Log[end] = (ushort)slot;
        side->Stamps[slot] = (ushort)end;
        *side->End = end + 1;
        TlbEntry* entry = side->Entries + slot;
        if (((entry->Meta >> ((int)kind + side->PermissionShift)) & 1) == 0)
        {
            return TranslateDenied(address, kind, entry);
        }

        if (hasPrivateFirsts)
        {
            lasts[(((uint)kind + 3) >> 2) & dataCell] = entry;
        }

        return unchecked(address + entry->Delta);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong TranslateDenied(ulong address, AccessKind kind, TlbEntry* entry) => Conclude(address, kind, Deny(address, kind, entry));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong TranslateEmpty(ulong address, AccessKind kind)
    {
        StopAtEmpty(sides + (((uint)kind + 3) >> 2), address, kind);
        ForgetLast();
        return Faulted;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong TranslateAbsent(ulong address, AccessKind kind) =>
        Conclude(address, kind, FillAbsent(sides + (((uint)kind + 3) >> 2), address, kind));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong TranslateGenerally(ulong address, AccessKind kind) =>
        Conclude(address, kind, group != null ? Miss(address, (uint)kind, null, null) : LookUp(address, kind));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong Conclude(ulong address, AccessKind kind, TlbEntry* entry)
    {
        if (entry == null)
        {
            // A denied access was a use all the same: what was most recent is so no more.
            ForgetLast();
            return Faulted;
        }

        if (hasPrivateFirsts)
        {
            lasts[(((uint)kind + 3) >> 2) & dataCell] = entry;
        }

        return unchecked(address + entry->Delta);
    }
}
