// What happens when the first TLB level has no entry, or one that denies the access.

using System.Runtime.CompilerServices;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.Arm64.Tlb;

public sealed unsafe partial class TranslationUnit<TWalker, TObserver>
{
    // The entry of the first level that translates an access and allows it, found or filled; null on a fault.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private TlbEntry* LookUp(ulong address, AccessKind kind)
    {
        uint isData = ((uint)kind + 3) >> 2;
        TlbLevel first = isData != 0 ? dataFirst : fetchFirst;
        TlbEntry* entry = first.Find(address);
        if (entry == null)
        {
            entry = FillLevels(address, kind);
            if (entry == null)
            {
                return null;
            }
        }
        else
        {
            first.Touch(entry);
        }

        return Judge(address, kind, entry);
    }

    // The first level's entry for an access is known: the hint leads to it, and it allows the access or not.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private TlbEntry* Judge(ulong address, AccessKind kind, TlbEntry* entry)
    {
        if (group != null)
        {
            uint isData = ((uint)kind + 3) >> 2;
            group.Index[((isData & dataCell) << indexBits) | (unchecked((uint)(address >> hintShift)) & indexMask)].Hint = (ushort)(entry - group.Entries);
        }

        return ((entry->Meta >> ((int)kind + elShift)) & 1) != 0 ? entry : Deny(address, kind, entry);
    }

    // As LookUp, by the short way where that goes.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private TlbEntry* Miss(ulong address, uint kind, ulong* at, ulong* end)
    {
        QuickSide* side = sides + ((kind + 3) >> 2);
        if (IsAbsent(side, address))
        {
            IndexCell* cell = side->Index + (unchecked((uint)(address >> side->Shift)) & side->IndexMask);
            uint slot = TryFill<MixedCase>(side, address, cell, (int)kind + elShift, at, end);
            if (slot < NoEntry)
            {
                group!.Append(slot);
                TlbEntry* filled = side->Entries + slot;
                return ((filled->Meta >> ((int)kind + elShift)) & 1) != 0 ? filled : Deny(address, (AccessKind)kind, filled);
            }

            if (slot == NoEntry)
            {
                StopAtEmpty(side, address, (AccessKind)kind);
                return null;
            }

            if (slot == NoPage)
            {
                return FillAbsent(side, address, (AccessKind)kind);
            }
        }

        TlbEntry* entry = LookUp(address, (AccessKind)kind);
        UpdateSides();
        return entry;
    }

    // As LookUp, where the short way found that both levels miss, and no plain page.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private TlbEntry* FillAbsent(QuickSide* side, ulong address, AccessKind kind)
    {
        side->Misses++;
        side->SecondMisses++;
        TlbEntry* entry = FillByWalk(side == sides ? path.Fetch : path.Data, address, kind);
        if (entry != null)
        {
            entry = Judge(address, kind, entry);
            UpdateSides();
        }

        return entry;
    }

    // As FillAbsent, where the short way's walk ended at an invalid descriptor of the last level: there is nothing to walk again for.
    private void StopAtEmpty(QuickSide* side, ulong address, AccessKind kind)
    {
        const int level = 3;
        side->Misses++;
        side->SecondMisses++;
        walksByLevels[((walker.PlainStartLevel + 1) * WalkResult.LevelCount) + level + 1]++;
        stop = new TranslationStop(new VirtAddr(address), kind, TranslationStop.TranslationFault + level, level, IsPrivileged, FromTlb: false);
    }

    // Fills every level that misses; returns the first level's new entry, or null on a fault of the walk.
    private TlbEntry* FillLevels(ulong address, AccessKind kind)
    {
        TlbLevel[] levels = kind != AccessKind.Fetch ? path.Data : path.Fetch;
        levels[0].Misses++;
        for (int filled = 1; filled < levels.Length; filled++)
        {
            TlbLevel level = levels[filled];
            level.Lookups++;
            TlbEntry* entry = level.IsExclusive ? level.FindSmallest(address) : level.Find(address);
            if (entry != null)
            {
                int aggregation = entry->IsContiguous ? 0 : Math.Max(entry->SizeLog2 - entry->PageSizeLog2, 0);
                if (level.IsExclusive)
                {
                    TlbEntry moved = *entry;
                    level.Remove((int)level.SlotOf(entry));
                    return Fill(levels, filled, address, &moved, aggregation);
                }

                level.Touch(entry);
                return Fill(levels, filled, address, entry, aggregation);
            }

            level.Misses++;
        }

        return FillByWalk(levels, address, kind);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private TlbEntry* FillByWalk(TlbLevel[] levels, ulong address, AccessKind kind)
    {
        Unsafe.SkipInit(out WalkResult result);
        if (!Walk(address, kind, ref result))
        {
            return null;
        }

        if (TObserver.Checks)
        {
            CheckFill(address, in result);
        }

        // The largest entry that any level could make of it.
        int reach = result.RunSizeLog2 > result.PageSizeLog2 ? result.RunSizeLog2 : result.PageSizeLog2 + result.AggregationLog2;
        reach = nested == null ? reach : Math.Min(reach, nested.SizeLog2);
        ulong delta = unchecked(result.OutputAddress - (address & (ulong.MaxValue << result.PageSizeLog2)));
        TlbEntry entry = TlbEntry.Create(address, reach, delta, MetaOf(in result));
        return Fill(levels, levels.Length, address, &entry, result.AggregationLog2);
    }

    // levels[0..count) that are mostly inclusive get an entry each: as large as the level can hold and the source reaches. The last filled is
    // the first level. What gives way moves on, as far as mostly exclusive levels follow.
    private static TlbEntry* Fill(TlbLevel[] levels, int count, ulong address, TlbEntry* source, int aggregationLog2)
    {
        TlbEntry* filled = null;
        for (int i = count - 1; i >= 0; i--)
        {
            TlbLevel level = levels[i];
            if (level.IsExclusive)
            {
                continue;
            }

            filled = level.HoldsAsIs(source) ? level.Insert(source) : FillPiece(level, address, source, aggregationLog2);
            for (int next = i + 1; levels[next - 1].KeepsVictims && next < levels.Length && levels[next].IsExclusive; next++)
            {
                if (!levels[next].TakeIn(levels[next - 1].Victim))
                {
                    break;
                }
            }
        }

        return filled;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static TlbEntry* FillPiece(TlbLevel level, ulong address, TlbEntry* source, int aggregationLog2)
    {
        TlbEntry piece = TlbEntry.Create(address, level.SizeFor(source->Meta, aggregationLog2, source->SizeLog2), source->Delta, source->Meta);
        return level.Insert(&piece);
    }

    private ulong MetaOf(in WalkResult result) =>
        result.Allowed
        | ((ulong)(uint)result.AttributeIndex << TlbEntry.AttributeShift)
        | ((ulong)(uint)result.PageSizeLog2 << TlbEntry.PageSizeShift)
        | (result.RunSizeLog2 > result.PageSizeLog2 ? 1UL << TlbEntry.ContiguousShift : 0)
        | (result.IsGlobal ? 1UL << TlbEntry.GlobalShift : 0)
        | (result.IsDirtyLater ? 1UL << TlbEntry.DirtyLaterShift : 0)
        | ((ulong)(uint)(result.Level + 1) << TlbEntry.LevelShift)
        | tags;

    // The entry denies the access. Where the hardware keeps the dirty state, a store to a clean page walks again and sets it.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private TlbEntry* Deny(ulong address, AccessKind kind, TlbEntry* entry)
    {
        bool isStore = kind is AccessKind.Store or AccessKind.Modify;
        if (isStore && ((entry->Meta >> TlbEntry.DirtyLaterShift) & 1) != 0)
        {
            WalkResult result = default;
            if (!Walk(address, kind, ref result))
            {
                return null;
            }

            Refresh(address, MetaOf(in result));
            if (((entry->Meta >> ((int)kind + elShift)) & 1) != 0)
            {
                return entry;
            }
        }

        stop = new TranslationStop(
            new VirtAddr(address), kind, (byte)(TranslationStop.PermissionFault + entry->Level), entry->Level, IsPrivileged, FromTlb: true);
        return null;
    }

    // The entries of an address get the permissions that a new walk found; their size and age stay.
    private void Refresh(ulong address, ulong meta)
    {
        const ulong Permissions = ((1UL << (2 * TlbEntry.ElBits)) - 1) | (1UL << TlbEntry.DirtyLaterShift);
        foreach (TlbLevel level in path.Data)
        {
            TlbEntry* entry = level.Find(address);
            if (entry != null)
            {
                entry->Meta = (entry->Meta & ~Permissions) | (meta & Permissions);
            }
        }
    }

    private bool Walk(ulong address, AccessKind kind, ref WalkResult result)
    {
        result.StartLevel = WalkResult.FromRoot;
        result.LooksOnly = false;
        result.WantsPath = hasWalkCaches || TObserver.SeesDescriptorReads;
        if (hasWalkCaches)
        {
            FindStart(address, ref result);
        }

        bool isMapped = walker.Walk(new VirtAddr(address), kind, IsPrivileged, ref result);
        walksByLevels[((result.StartLevel + 1) * WalkResult.LevelCount) + result.Level + 1]++;
        if (TObserver.SeesDescriptorReads)
        {
            ReportReads(in result);
        }

        if (hasWalkCaches)
        {
            KeepTables(address, in result);
        }

        if (!isMapped)
        {
            stop = nested is { IsFault: true }
                ? new TranslationStop(new VirtAddr(address), kind, result.FaultStatus, nested.FaultLevel, IsPrivileged, FromTlb: false)
                {
                    IsStage2 = true,
                    IsOnStage1Walk = nested.IsOnStage1Walk,
                    IntermediateAddress = nested.IntermediateAddress,
                }
                : new TranslationStop(new VirtAddr(address), kind, result.FaultStatus, result.Level, IsPrivileged, FromTlb: false);
        }

        return isMapped;
    }

    private void ReportReads(in WalkResult result)
    {
        if (nested is { Log: { } log })
        {
            foreach ((ulong descriptor, int level, bool isStage2) in log.Reads)
            {
                if (isStage2)
                {
                    observer.Stage2DescriptorRead(descriptor, level);
                }
                else
                {
                    observer.DescriptorRead(descriptor, level);
                }
            }

            return;
        }

        for (int level = result.StartLevel; level <= result.Level; level++)
        {
            observer.DescriptorRead(result.DescriptorAddresses[level + 1], level);
        }
    }
}
