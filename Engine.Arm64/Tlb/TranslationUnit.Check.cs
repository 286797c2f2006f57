// The checking mode: what software gets away with on most hardware, most of the time. With an observer whose Checks is false none of this
// is compiled in. Hits and misses are the same with and without it.
//
//  - At each use of an entry the tables are looked at (without side effects): does the entry still say what they say?
//  - At each fill, live entries of the same addresses with another output, size, type or contiguous bit show that a translation was
//    changed without break-before-make; how much may change without it depends on FEAT_BBM.
//  - At each fill from a contiguous run all its descriptors are read.
//  - After each invalidation, stale entries that it would have taken out but for its hint, its ASID or a missing shift.
// The access flag and the dirty state may differ: they are allowed to be stale.

using System.Globalization;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.Arm64.Tlb;

public sealed unsafe partial class TranslationUnit<TWalker, TObserver>
{
    /// <summary>The level of FEAT_BBM that the checking mode assumes, 0 to 2 (ID_AA64MMFR2_EL1.BBM): 1 lets the contiguous bit change in place, 2 the block size.</summary>
    public int BreakBeforeMakeLevel { get; set; }

    private ulong* RunChecked<TSink>(ulong* at, ulong* end, TSink sink)
        where TSink : struct, IAddressSink
    {
        for (; at < end; at++)
        {
            AccessKind kind = (AccessKind)(*at & Access.KindMask);
            ulong address = unchecked((ulong)((long)*at >> Access.AddressShift));
            TlbEntry* entry = LookUp(address, kind);
            if (entry == null)
            {
                return at;
            }

            CheckUse(address, kind, entry);
            batchData += kind != AccessKind.Fetch ? 1u : 0u;
            sink.Accept(at, unchecked(address + entry->Delta));
        }

        return at;
    }

    private ulong TranslateChecked(ulong address, AccessKind kind)
    {
        ((ulong*)lasts)[kind != AccessKind.Fetch ? 3 : 2]++;
        TlbEntry* entry = LookUp(address, kind);
        if (entry == null)
        {
            return Faulted;
        }

        CheckUse(address, kind, entry);
        return unchecked(address + entry->Delta);
    }

    private void CheckUse(ulong address, AccessKind kind, TlbEntry* entry)
    {
        if (FindDifference(address, kind, entry) is string difference)
        {
            Report(TlbRule.StaleEntry, address, entry, difference);
        }

        TlbLevel first = kind != AccessKind.Fetch ? dataFirst : fetchFirst;
        for (int slot = 0; slot < first.SlotCount; slot++)
        {
            TlbEntry* other = first[slot];
            if (other != entry && other->IsUsed && other->Serves(CurrentAsid.Value, CurrentVmid) && (address & other->Mask) == other->Start)
            {
                Report(TlbRule.Overlap, address, entry, Describe(other));
            }
        }
    }

    // In what the tables contradict an entry, or null. Only for entries of the current address space.
    private string? FindDifference(ulong address, AccessKind kind, TlbEntry* entry)
    {
        if (!Look(address, out WalkResult result))
        {
            return string.Create(CultureInfo.InvariantCulture, $"the tables map nothing there (fault status 0x{result.FaultStatus:x2})");
        }

        ulong output = result.OutputAddress + (address & ~(ulong.MaxValue << result.PageSizeLog2));
        uint allowed = unchecked((uint)(entry->Meta >> ((int)kind + elShift))) & ~(result.Allowed >> ((int)kind + elShift)) & 1;
        return output != unchecked(address + entry->Delta) ? string.Create(CultureInfo.InvariantCulture, $"the tables say physical address 0x{output:x}")
            : allowed != 0 ? $"the tables no longer allow a {kind.ToString().ToLowerInvariant()}"
            : ((entry->Meta >> TlbEntry.AttributeShift) & 7) != (ulong)(uint)result.AttributeIndex
            ? string.Create(CultureInfo.InvariantCulture, $"the tables say memory attribute index {result.AttributeIndex}")
            : null;
    }

    private bool Look(ulong address, out WalkResult result)
    {
        result = default;
        result.StartLevel = WalkResult.FromRoot;
        result.LooksOnly = true;
        return walker.Walk(new VirtAddr(address), AccessKind.Load, IsPrivileged, ref result);
    }

    private void CheckFill(ulong address, in WalkResult result)
    {
        ulong pageMask = ulong.MaxValue << result.PageSizeLog2;
        ulong delta = unchecked(result.OutputAddress - (address & pageMask));
        int mappedLog2 = nested == null ? result.RunSizeLog2 : Math.Min(result.RunSizeLog2, nested.SizeLog2);
        if (mappedLog2 > result.PageSizeLog2)
        {
            CheckRun(address, result, delta);
        }

        ulong mappingMask = ulong.MaxValue << mappedLog2;
        ulong first = address & mappingMask;
        foreach (TlbLevel level in path.Levels)
        {
            for (int slot = 0; slot < level.SlotCount; slot++)
            {
                TlbEntry* entry = level[slot];
                if (entry->IsUsed && entry->Serves(CurrentAsid.Value, CurrentVmid)
                    && entry->Start <= (first | ~mappingMask) && (entry->Start | ~entry->Mask) >= first
                    && FindUnbrokenChange(entry, result, delta) is string change)
                {
                    Report(TlbRule.BreakBeforeMake, address, entry, change);
                }
            }
        }
    }

    private string? FindUnbrokenChange(TlbEntry* entry, in WalkResult result, ulong delta)
    {
        bool isRun = result.RunSizeLog2 > result.PageSizeLog2;
        return entry->Delta != delta ? string.Create(CultureInfo.InvariantCulture, $"the output address is now 0x{result.OutputAddress:x}")
            : entry->PageSizeLog2 != result.PageSizeLog2 && BreakBeforeMakeLevel < 2
            ? string.Create(CultureInfo.InvariantCulture, $"the tables now map 2^{result.PageSizeLog2} bytes")
            : entry->PageSizeLog2 == result.PageSizeLog2 && entry->IsContiguous != isRun && BreakBeforeMakeLevel < 1 ? "the contiguous bit changed"
            : ((entry->Meta >> TlbEntry.AttributeShift) & 7) != (ulong)(uint)result.AttributeIndex ? "the memory attribute index changed"
            : !entry->IsGlobal && result.IsGlobal ? "the translation became global"
            : null;
    }

    // Every descriptor of the run must be valid, in the run, in order, and alike.
    private void CheckRun(ulong address, in WalkResult result, ulong delta)
    {
        ulong runMask = ulong.MaxValue << result.RunSizeLog2;
        ulong start = address & runMask;
        TlbEntry entry = TlbEntry.Create(address, result.RunSizeLog2, delta, MetaOf(in result));
        if ((delta & ~runMask) != 0)
        {
            Report(TlbRule.ContiguousRun, address, &entry, "virtual and physical address are not aligned alike");
            return;
        }

        int count = 1 << (result.RunSizeLog2 - result.PageSizeLog2);
        for (int i = 0; i < count; i++)
        {
            ulong place = start + ((ulong)(uint)i << result.PageSizeLog2);
            string? wrong = !Look(place, out WalkResult other) ? "is not valid"
                : other.PageSizeLog2 != result.PageSizeLog2 || other.RunSizeLog2 != result.RunSizeLog2 ? "is not of the run"
                : unchecked(other.OutputAddress - place) != delta ? "maps elsewhere"
                : other.Allowed != result.Allowed || other.AttributeIndex != result.AttributeIndex || other.IsGlobal != result.IsGlobal ? "has other attributes"
                : null;
            if (wrong is not null)
            {
                Report(TlbRule.ContiguousRun, address, &entry, string.Create(CultureInfo.InvariantCulture, $"the descriptor of 0x{place:x} {wrong}"));
                return;
            }
        }
    }

    private void CheckInvalidation(TlbiInstruction instruction)
    {
        if ((!instruction.IsAddress && !instruction.IsRange) || instruction.IsIntermediate)
        {
            return;
        }

        // As it should have been read, and as an operand that was not shifted would have been meant.
        TlbInvalidation? meant = instruction.Decode(CurrentVmid, HasWideAddresses, ignoresHints: true);
        ulong unshifted = unchecked((ulong)((long)(instruction.Operand << 16) >> 16)) & ~0xFFFUL;
        foreach (TlbLevel level in path.Levels)
        {
            for (int slot = 0; slot < level.SlotCount; slot++)
            {
                TlbEntry* entry = level[slot];
                if (!entry->IsUsed || !entry->Serves(CurrentAsid.Value, CurrentVmid))
                {
                    continue;
                }

                bool isNear = meant is TlbInvalidation range && (range with { AnyAsid = true }).Matches(*entry);
                bool isUnshifted = instruction.IsAddress && (unshifted & entry->Mask) == entry->Start;
                if ((isNear || isUnshifted) && FindDifference(entry->Start, AccessKind.Load, entry) is string difference)
                {
                    TlbRule rule = !isNear ? TlbRule.InvalidationOperand
                        : !entry->IsGlobal && entry->Asid != instruction.Asid.Value && !meant!.Value.AnyAsid ? TlbRule.InvalidationAsid
                        : TlbRule.InvalidationHint;
                    Report(rule, entry->Start, entry, $"{instruction} left it, and {difference}");
                }
            }
        }
    }

    private void Report(TlbRule rule, ulong address, TlbEntry* entry, string other) =>
        observer.Report(new TlbFinding(rule, new VirtAddr(address), Describe(entry), other));

    private static string Describe(TlbEntry* entry) => string.Create(
        CultureInfo.InvariantCulture,
        $"entry 0x{entry->Start:x} + 2^{entry->SizeLog2} to 0x{unchecked(entry->Start + entry->Delta):x}, level {entry->Level}, {(entry->IsGlobal ? "global" : $"ASID {entry->Asid}")}{(entry->IsContiguous ? ", contiguous" : "")}");
}
