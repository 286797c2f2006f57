// Which neighbours become one VMA, and how VMAs are split (mm/vma.c: vma_merge_new_range, vma_merge_existing_range,
// vma_modify, __split_vma), by the rules of Linux 6.16 and later: a VMA with private pages may join one without, in either
// direction, as long as none of them carries pages that an ancestor process may still share.

using System.Runtime.CompilerServices;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <content>Merging and splitting.</content>
public sealed unsafe partial class MemoryMap
{
    // A new range, free of VMAs, joins what lies below and above. Gives the VMA that covers it then, or none.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private VmAreaRef MergeNew(CpuId cpu, ref VmAreaMerge merge, bool isExpandingOnly)
    {
        if ((merge.Flags & VmFlags.Special) != 0 || (merge.Previous.IsNone && merge.Next.IsNone))
        {
            return VmAreaRef.None;
        }

        bool left = CanMergeLeft(in merge);
        bool right = !isExpandingOnly && CanMergeRight(in merge, left);
        if (!left && !right)
        {
            return VmAreaRef.None;
        }

        VmAreaRef target = left ? merge.Previous : merge.Next;
        if ((left && right && !TryTakeOverAnonVma(cpu, target, merge.Next)) || !TryTakeOverAnonVma(cpu, target, merge.CopiedFrom))
        {
            merge.IsOutOfMemory = true;
            return VmAreaRef.None;
        }

        if (!left)
        {
            ref VmArea above = ref Areas[target];
            above.PageOffset = merge.PageOffset;
            Areas.Resize(target, merge.Start, above.End);
            return target;
        }

        if (right)
        {
            Absorb(cpu, target, merge.Next, VmAreaRef.None);
        }
        else
        {
            Areas.Resize(target, Areas[target].Start, merge.End);
        }

        return target;
    }

    // A range of an existing VMA that is about to get other attributes joins its neighbours. Gives the VMA that covers it, or none.
    private VmAreaRef MergeExisting(CpuId cpu, ref VmAreaMerge merge)
    {
        ref VmArea middle = ref Areas[merge.Middle];
        bool isLeftSide = merge.Start == middle.Start;
        bool isRightSide = merge.End == middle.End;
        if ((merge.Flags & VmFlags.Special) != 0 || (!isLeftSide && !isRightSide))
        {
            return VmAreaRef.None;
        }

        merge.Previous = isLeftSide ? Areas.PreviousOf(merge.Middle) : VmAreaRef.None;
        merge.Next = isRightSide ? Areas.NextOf(merge.Middle) : VmAreaRef.None;
        bool left = CanMergeLeft(in merge);
        bool right = CanMergeRight(in merge, left);
        if (!left && !right)
        {
            return VmAreaRef.None;
        }

        VmAreaRef target = left ? merge.Previous : merge.Next;
        VmAreaRef source = left && right && !Areas[merge.Next].AnonVma.IsNone ? merge.Next : merge.Middle;
        if (!TryTakeOverAnonVma(cpu, target, source))
        {
            merge.IsOutOfMemory = true;
            return VmAreaRef.None;
        }

        if (left && right)
        {
            Absorb(cpu, target, merge.Middle, merge.Next);
        }
        else if (left && isRightSide)
        {
            Absorb(cpu, target, merge.Middle, VmAreaRef.None);
        }
        else if (left)
        {
            GiveToPrevious(cpu, merge.Middle, merge.End);
            Areas.Resize(target, Areas[target].Start, merge.End);
        }
        else
        {
            GiveToNext(cpu, merge.Middle, merge.Start, isWhole: isLeftSide);
            ref VmArea above = ref Areas[target];
            above.PageOffset = unchecked(above.PageOffset - ((merge.End - merge.Start) >> Pfn.PageShift));
            Areas.Resize(target, merge.Start, above.End);
        }

        return target;
    }

    // A VMA grows over the next one, or the next two, which go.
    private void Absorb(CpuId cpu, VmAreaRef target, VmAreaRef next, VmAreaRef second)
    {
        if (second.IsNone ? Areas.TryAbsorb(cpu, target, next, 1) : Areas.TryAbsorb(cpu, target, second, 2))
        {
            FreeArea(cpu, next);
            if (!second.IsNone)
            {
                FreeArea(cpu, second);
            }

            return;
        }

        VirtAddr end = Areas[second.IsNone ? next : second].End;
        DeleteArea(cpu, next);
        if (!second.IsNone)
        {
            DeleteArea(cpu, second);
        }

        Areas.Resize(target, Areas[target].Start, end);
    }

    private void GiveToPrevious(CpuId cpu, VmAreaRef area, VirtAddr newStart)
    {
        pages.SplitHugePage(cpu, newStart);
        ref VmArea content = ref Areas[area];
        content.PageOffset = content.PageIndexOf(newStart);
        Areas.Resize(area, newStart, content.End);
    }

    private void GiveToNext(CpuId cpu, VmAreaRef area, VirtAddr newEnd, bool isWhole)
    {
        if (isWhole)
        {
            DeleteArea(cpu, area);
            return;
        }

        pages.SplitHugePage(cpu, newEnd);
        Areas.Resize(area, Areas[area].Start, newEnd);
    }

    // A range of a VMA gets other flags: it joins neighbours, or is split off (vma_modify_flags).
    private Errno Modify(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end, VmFlags flags, out VmAreaRef modified) =>
        Modify(cpu, area, start, end, flags, Areas[area].NameId, out modified);

    private Errno Modify(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end, VmFlags flags, uint nameId, out VmAreaRef modified)
    {
        VmAreaMerge merge = new(in Areas[area], start, end) { Flags = flags, NameId = nameId, Middle = area };
        modified = MergeExisting(cpu, ref merge);
        if (!modified.IsNone)
        {
            return Errno.None;
        }

        if (merge.IsOutOfMemory)
        {
            return Errno.ENOMEM;
        }

        modified = area;
        Errno errno = start > Areas[area].Start ? SplitLimited(cpu, area, start, isNewBelow: true, out _) : Errno.None;
        return errno == Errno.None && end < Areas[area].End ? SplitLimited(cpu, area, end, isNewBelow: false, out _) : errno;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool CanMergeLeft(in VmAreaMerge merge)
    {
        if (merge.Previous.IsNone)
        {
            return false;
        }

        ref VmArea below = ref Areas[merge.Previous];
        return below.End == merge.Start
            && IsAlike(in below, in merge)
            && below.PageIndexOf(merge.Start) == merge.PageOffset
            && IsAnonVmaMergeable(in below, in merge);
    }

    // Both neighbours may fit the range and yet not each other.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool CanMergeRight(in VmAreaMerge merge, bool canMergeLeft)
    {
        if (merge.Next.IsNone)
        {
            return false;
        }

        ref VmArea above = ref Areas[merge.Next];
        bool canMerge = above.Start == merge.End
            && IsAlike(in above, in merge)
            && above.PageOffset == unchecked(merge.PageOffset + ((merge.End - merge.Start) >> Pfn.PageShift))
            && IsAnonVmaMergeable(in above, in merge);
        if (!canMerge || !canMergeLeft)
        {
            return canMerge;
        }

        AnonVmaRef belowAnonVma = Areas[merge.Previous].AnonVma;
        return belowAnonVma.IsNone || above.AnonVma.IsNone || belowAnonVma == above.AnonVma;
    }

    // is_mergeable_vma
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsAlike(in VmArea area, in VmAreaMerge merge) =>
        ((area.Flags ^ merge.Flags) & ~VmFlags.SoftDirty) == 0 && area.File == merge.File && area.NameId == merge.NameId;

    // is_mergeable_anon_vma
    private bool IsAnonVmaMergeable(in VmArea target, in VmAreaMerge merge)
    {
        if (target.AnonVma.IsNone && !merge.AnonVma.IsNone)
        {
            return !MaySharePages(merge.Middle) && !MaySharePages(merge.CopiedFrom);
        }

        if (!target.AnonVma.IsNone && merge.AnonVma.IsNone)
        {
            return target.AnonVmaChainCount == 1;
        }

        return target.AnonVma == merge.AnonVma;
    }

    // Whether pages of an ancestor may be mapped here (vma_had_uncowed_parents).
    private bool MaySharePages(VmAreaRef area)
    {
        if (area.IsNone)
        {
            return false;
        }

        ref VmArea content = ref Areas[area];
        return !content.AnonVma.IsNone && content.AnonVmaChainCount != 1;
    }

    // dup_anon_vma: what is merged in brings its private pages along.
    private bool TryTakeOverAnonVma(CpuId cpu, VmAreaRef target, VmAreaRef source)
    {
        if (source.IsNone || Areas[source].AnonVma.IsNone || !Areas[target].AnonVma.IsNone)
        {
            return true;
        }

        Areas[target].AnonVma = Areas[source].AnonVma;
        return anonVmas.TryClone(cpu, target, source);
    }

    // split_vma: refuses at the limit of VMAs.
    private Errno SplitLimited(CpuId cpu, VmAreaRef area, VirtAddr at, bool isNewBelow, out VmAreaRef created)
    {
        created = VmAreaRef.None;
        return Areas.Count >= options.MapCountMax ? Errno.ENOMEM : Split(cpu, area, at, isNewBelow, out created);
    }

    // __split_vma: the VMA keeps one side, a copy gets the other.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Errno Split(CpuId cpu, VmAreaRef area, VirtAddr at, bool isNewBelow, out VmAreaRef created)
    {
        ref VmArea content = ref Areas[area];
        if (!TryCopyArea(cpu, area, out created))
        {
            return Errno.ENOMEM;
        }

        pages.SplitHugePage(cpu, at);
        ref VmArea copy = ref Areas[created];
        ulong offsetAt = content.PageIndexOf(at);
        if (isNewBelow)
        {
            copy.End = at;
        }
        else
        {
            copy.Start = at;
            copy.PageOffset = offsetAt;
        }

        if (Areas.TrySplit(cpu, area, at, created, isNewBelow))
        {
            content.PageOffset = isNewBelow ? offsetAt : content.PageOffset;
            return Errno.None;
        }

        FreeArea(cpu, created);
        created = VmAreaRef.None;
        return Errno.ENOMEM;
    }

    // A copy outside the tree, chained to the same anon_vmas and file (vm_area_dup).
    private bool TryCopyArea(CpuId cpu, VmAreaRef area, out VmAreaRef created)
    {
        if (!caches.Areas.TryAllocate(cpu, GfpFlags.Kernel, out PhysAddr address))
        {
            created = VmAreaRef.None;
            return false;
        }

        created = new VmAreaRef(address.Value);
        ref VmArea copy = ref Areas[created];
        copy = Areas[area];
        copy.AnonVmaChain = AnonVmas.NoLink;
        copy.AnonVmaChainCount = 0;
        if (!anonVmas.TryClone(cpu, created, area))
        {
            caches.Areas.Free(cpu, address);
            created = VmAreaRef.None;
            return false;
        }

        if (copy.File != VmArea.NoFile)
        {
            pages.LinkFile(cpu, created);
        }

        return true;
    }

    // A VMA outside the tree.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryNewArea(CpuId cpu, VirtAddr start, VirtAddr end, VmFlags flags, ulong pageOffset, uint file, out VmAreaRef created)
    {
        if (!caches.Areas.TryAllocate(cpu, GfpFlags.Kernel, out PhysAddr address))
        {
            created = VmAreaRef.None;
            return false;
        }

        created = new VmAreaRef(address.Value);
        ref VmArea area = ref Areas[created];
        area = default;
        area.Start = start;
        area.End = end;
        area.Flags = flags;
        area.PageOffset = pageOffset;
        area.File = file;
        area.AnonVma = AnonVmaRef.None;
        area.Next = VmAreaRef.None;
        area.Previous = VmAreaRef.None;
        area.AnonVmaChain = AnonVmas.NoLink;
        area.Owner = Address;
        area.FileNext = VmAreaRef.None;
        area.FilePrevious = VmAreaRef.None;
        return true;
    }

    // Out of the tree, and freed.
    private void DeleteArea(CpuId cpu, VmAreaRef area)
    {
        Areas.Remove(cpu, area);
        FreeArea(cpu, area);
    }

    private void FreeArea(CpuId cpu, VmAreaRef area)
    {
        anonVmas.Unlink(cpu, area);
        if (Areas[area].File != VmArea.NoFile)
        {
            pages.UnlinkFile(cpu, area);
        }

        caches.Areas.Free(cpu, area.Address);
    }
}
