// When an entry that translates may be replaced by another in one store, and when it must be made invalid and the TLB be
// cleared of it in between (Arm DDI 0487K.a, D8.16.1 "Using break-before-make when updating translation table entries", R_WHZWS).

using Engine.Arm64.Translation;

namespace Engine.Arm64.PageTables;

/// <summary>The break-before-make rule as a predicate.</summary>
public static class BreakBeforeMake
{
    // A leaf's permissions, access flag, dirty state and software's own bits may change at any time.
    private const ulong FreelyChanged = Descriptor.UserBit | Descriptor.ReadOnlyBit | Descriptor.AccessFlagBit | Descriptor.GuardedBit
        | Descriptor.DirtyBitModifierBit | Descriptor.PxnBit | Descriptor.UxnBit
        | Descriptor.SoftwareDirtyBit | Descriptor.SpecialBit | Descriptor.DeviceMapBit | Descriptor.ProtNoneBit;

    // A table's restrictions: APTable, XNTable, PXNTable.
    private const ulong TableRestrictions = 0xFUL << 59;

    /// <summary>Whether one store may replace an entry.</summary>
    /// <param name="old">What the entry holds.</param>
    /// <param name="replacement">What it shall hold.</param>
    /// <param name="level">The entry's level: at 3 an entry is a page, above a table or a block.</param>
    /// <param name="support">What the CPU takes.</param>
    public static bool IsBreakBeforeMakeSafe(Descriptor old, Descriptor replacement, int level, BreakBeforeMakeLevel support)
    {
        if (!old.IsValid || !replacement.IsValid)
        {
            return true;
        }

        bool wasTable = level < TableFormat.LastLevel && old.IsTable;
        bool isTable = level < TableFormat.LastLevel && replacement.IsTable;
        if (wasTable != isTable)
        {
            // The caller answers for a table that translates as the block did.
            return support >= BreakBeforeMakeLevel.Level2;
        }

        ulong changed = old.ToUInt64() ^ replacement.ToUInt64();
        if (wasTable)
        {
            return (changed & ~TableRestrictions) == 0;
        }

        if ((changed & Descriptor.ContiguousBit) != 0 && support < BreakBeforeMakeLevel.Level1)
        {
            return false;
        }

        // From one address space to all is unsafe; the other way the old global entry is flushed by address afterwards.
        bool becomesGlobal = (changed & old.ToUInt64() & Descriptor.NotGlobalBit) != 0;
        return !becomesGlobal && (changed & ~(FreelyChanged | Descriptor.ContiguousBit | Descriptor.NotGlobalBit)) == 0;
    }
}
