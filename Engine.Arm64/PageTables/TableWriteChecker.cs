// Missing break-before-make, seen where tables are written. The rule is about what TLBs may hold: an entry that was valid may be
// held until it has been made invalid and then invalidated in the TLBs. So for each entry that was made invalid its last valid
// value is kept until an invalidation covers it; what is written meanwhile is compared with that value, and a valid entry that
// is overwritten with the value that it had.
//
// A leaf whose access flag is clear is in no TLB. A table descriptor is in walk caches, and leaves them only by an invalidation of
// all levels.

using System.Globalization;
using Engine.Arm64.Tlb;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.Arm64.PageTables;

/// <summary>Checks every store into one address space's tables against the break-before-make rule.</summary>
public sealed class TableWriteChecker
{
    private readonly Dictionary<(ulong Address, int Level), (Descriptor Held, int SizeLog2)> broken = [];
    private readonly BreakBeforeMakeLevel support;
    private readonly Action<TlbFinding> report;

    /// <summary>Creates a checker that knows of no entry.</summary>
    /// <param name="support">What the CPUs take (FEAT_BBM).</param>
    /// <param name="report">Receives each finding.</param>
    public TableWriteChecker(BreakBeforeMakeLevel support, Action<TlbFinding> report)
    {
        this.support = support;
        this.report = report;
    }

    /// <summary>
    /// Whether a leaf whose access flag is clear counts as held by no TLB. To be false where not every store is seen: the flag may have been
    /// set meanwhile.
    /// </summary>
    public bool TrustsAccessFlag { get; init; } = true;

    /// <summary>Entries that were made invalid and that a TLB may still hold.</summary>
    public int BrokenCount => broken.Count;

    /// <summary>Software, or the hardware's update of flags, has stored into a table.</summary>
    /// <param name="write">What.</param>
    public void Write(in TableWrite write)
    {
        (ulong, int) place = (write.Address.Value, write.Level);
        bool wasBroken = broken.TryGetValue(place, out (Descriptor Held, int SizeLog2) entry);
        Descriptor held = IsHeld(write.Old, write.Level) ? write.Old : wasBroken ? entry.Held : Descriptor.None;
        if (!held.IsValid)
        {
            return;
        }

        if (!write.Replacement.IsValid)
        {
            broken[place] = (held, write.SizeLog2);
            return;
        }

        if (!BreakBeforeMake.IsBreakBeforeMakeSafe(held, write.Replacement, write.Level, support))
        {
            string way = wasBroken ? "without an invalidation in between" : "in place";
            report(new TlbFinding(
                TlbRule.BreakBeforeMake, write.Address, Describe(held, write.Level, write.SizeLog2),
                string.Create(CultureInfo.InvariantCulture, $"replaced by {write.Replacement} {way}: {DifferenceOf(held, write.Replacement, write.Level)}")));
        }

        broken.Remove(place);
    }

    /// <summary>All TLBs have forgotten a range of this address space.</summary>
    /// <param name="start">The first address.</param>
    /// <param name="end">The first address after the range; 0 for the end of the upper half.</param>
    /// <param name="lastLevelOnly">Whether walk caches kept tables.</param>
    public void Invalidate(VirtAddr start, VirtAddr end, bool lastLevelOnly)
    {
        if (broken.Count == 0)
        {
            return;
        }

        ulong last = unchecked(end.Value - 1);
        foreach (((ulong address, int level) place, (Descriptor held, int sizeLog2)) in broken.ToArray())
        {
            // One page of a block or run takes the whole translation out.
            bool isCovered = place.address <= last && (place.address | ((1UL << sizeLog2) - 1)) >= start.Value;
            if (isCovered && !(lastLevelOnly && IsTable(held, place.level)))
            {
                broken.Remove(place);
            }
        }
    }

    /// <summary>All TLBs have forgotten this address space.</summary>
    public void InvalidateAll() => broken.Clear();

    private static bool IsTable(Descriptor descriptor, int level) => level < TableFormat.LastLevel && descriptor.IsTable;

    private bool IsHeld(Descriptor descriptor, int level) => descriptor.IsValid && (!TrustsAccessFlag || IsTable(descriptor, level) || descriptor.IsYoung);

    private static string Describe(Descriptor descriptor, int level, int sizeLog2) => string.Create(
        CultureInfo.InvariantCulture, $"{(IsTable(descriptor, level) ? "table" : level == TableFormat.LastLevel ? "page" : "block")} descriptor {descriptor}, level {level}, 2^{sizeLog2} bytes");

    // What of the change needs break-before-make, in words.
    private static string DifferenceOf(Descriptor held, Descriptor replacement, int level)
    {
        if (IsTable(held, level) != IsTable(replacement, level))
        {
            return "the block size changes";
        }

        ulong changed = held.Value ^ replacement.Value;
        return (changed & Descriptor.AddressMask) != 0 ? "the output address changes"
            : (changed & Descriptor.AttributeIndexMask) != 0 ? "the memory type changes"
            : (changed & Descriptor.InnerShareable) != 0 ? "the shareability changes"
            : (changed & Descriptor.ContiguousBit) != 0 ? "the contiguous bit changes"
            : (changed & Descriptor.NotGlobalBit) != 0 ? "it becomes global"
            : "other fields change";
    }
}
