using Engine.Arm64.Faults;
using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel.Pins;

/// <summary>fork and pinned pages (<c>folio_needs_cow_for_dma</c>, <c>copy_present_page</c>): the pinned page stays the parent's, the child gets a copy at once.</summary>
internal static class PinnedFork
{
    /// <summary>Whether the child must have a copy of a page.</summary>
    /// <param name="parent">Whose page it is.</param>
    /// <param name="entry">The parent's entry.</param>
    public static bool MustCopy(Process parent, Descriptor entry) =>
        parent.Memory.State.HasPinned != 0 && parent.Machine.UserFrames.IsExclusive(entry)
        && PinCount.IsMaybePinned(parent.Machine.Pages, entry.Pfn);

    /// <summary>Makes pages of the blocks of a VMA that hold a pinned page, so that each is copied (<c>copy_huge_pmd</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="parent">Whose blocks.</param>
    /// <param name="area">Its VMA.</param>
    /// <returns>False where there is no memory for a table.</returns>
    public static bool TrySplitBlocks(CpuId cpu, Process parent, in VmArea area)
    {
        if (parent.Memory.State.HasPinned == 0 || !parent.Tables.HasLargeLeaves || (area.Flags & VmFlags.Shared) != 0)
        {
            return true;
        }

        VirtAddr end = area.End;
        for (VirtAddr at = HugeMaps.StartOf(area.Start); at < end; at += HugeMaps.Bytes)
        {
            if (HugeMaps.TryGetBlock(parent, at, out Descriptor block) && parent.Machine.UserFrames.IsAnonymous(block) && MustCopy(parent, block)
                && !HugeMaps.Split(parent, cpu, at))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Gives the child a copy.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="child">The new process.</param>
    /// <param name="area">Its VMA, with its anon_vma.</param>
    /// <param name="address">The page's address; the child has a table for it.</param>
    /// <param name="entry">The parent's entry, which stays as it is.</param>
    /// <returns>False where there is no memory.</returns>
    public static bool TryCopy(CpuId cpu, Process child, VmAreaRef area, VirtAddr address, Descriptor entry)
    {
        UserFrames frames = child.Machine.UserFrames;
        if (!child.Memory.PrepareAnonVma(cpu, area) || !frames.TryAllocate(cpu, GfpFlags.None, out Pfn copy))
        {
            return false;
        }

        if (!frames.TryCopy(entry.Pfn, copy))
        {
            frames.Put(cpu, copy);
            return false;
        }

        VmArea content = child.Memory.Areas[area];
        frames.AddNewAnonymous(cpu, copy, content, address);
        child.Memory.State.AnonPages++;
        Descriptor made = Descriptor.ForPage(copy, VmProtection.AttributesOf(content.Flags, isWriteNotified: false)).MakeDirty();
        return child.Tables.TryMap(cpu, address, (content.Flags & VmFlags.Write) != 0 ? made.MakeWritable() : made);
    }
}
