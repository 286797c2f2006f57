// Getting hold of the pages of a process (mm/gup.c): each page is brought in as an access would bring it, then held by a reference or a
// pin. A pinned page stays where it is: compaction, migration and range allocation refuse it, and fork gives the child a copy at once, so
// that what a device writes is what the process sees. That holds only for a page that no other process shares, so a page pinned for
// reading is first made the process's own (unshared).

using Engine.Arm64.Faults;
using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Arm64.Kernel.Pins;

/// <summary>get_user_pages and pin_user_pages.</summary>
public sealed class UserPins
{
    private const int FaultRoundsMax = 8;

    private readonly Machine machine;
    private readonly PageAllocator pages;

    internal UserPins(Machine machine)
    {
        this.machine = machine;
        pages = machine.Pages;
    }

    /// <summary>Pins taken so far, in pages (<c>nr_foll_pin_acquired</c>).</summary>
    public ulong Acquired { get; private set; }

    /// <summary>Pins given back so far, in pages (<c>nr_foll_pin_released</c>).</summary>
    public ulong Released { get; private set; }

    /// <summary>Takes hold of consecutive pages of a process (<c>get_user_pages</c>, <c>pin_user_pages</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="process">Whose pages.</param>
    /// <param name="start">An address in the first page.</param>
    /// <param name="flags">How.</param>
    /// <param name="frames">Receives a frame for each page.</param>
    /// <param name="count">How many pages are held: fewer than asked where one cannot be had.</param>
    /// <returns>None where at least one page is held; else EFAULT or ENOMEM.</returns>
    public Errno TryTake(CpuId cpu, Process process, VirtAddr start, PinFlags flags, Span<Pfn> frames, out int count)
    {
        VirtAddr page = new(start.Value & ~(ulong)(Pfn.PageSizeBytes - 1));
        if ((flags & PinFlags.Pin) != 0)
        {
            process.Memory.State.HasPinned = 1;
        }

        for (count = 0; count < frames.Length; count++, page += Pfn.PageSizeBytes)
        {
            Errno errno = TryTakeOne(cpu, process, page, flags, out frames[count]);
            if (errno == Errno.None)
            {
                continue;
            }

            if ((flags & PinFlags.LongTerm) != 0)
            {
                // What cannot stay is not held in part (__gup_longterm_locked).
                ReleaseAll(cpu, frames[..count], flags);
                count = 0;
            }

            return count > 0 ? Errno.None : errno;
        }

        return Errno.None;
    }

    /// <summary>Lets a pinned page go (<c>unpin_user_page</c>). One that is not pinned is reported and left alone.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="frame">As <see cref="TryTake"/> gave it with <see cref="PinFlags.Pin"/>.</param>
    /// <param name="makesDirty">Whether the holder wrote to it (<c>unpin_user_pages_dirty_lock</c>).</param>
    public void Unpin(CpuId cpu, Pfn frame, bool makesDirty = false)
    {
        if (frame == machine.UserFrames.ZeroPage)
        {
            return;
        }

        if (!pages.Frames.IsValid(frame) || !PinCount.TryRelease(pages, frame))
        {
            pages.Log.Report(new Corruption(
                CorruptionCategory.BadPageState, "unpin of a page that is not pinned", frame.Address, PinCount.Bias,
                pages.Frames.IsValid(frame) ? unchecked((uint)pages.Frames[frame].RefCount) : 0));
            return;
        }

        if (makesDirty)
        {
            pages.Frames[pages.GetHead(frame)].Flags |= PageFlag.Dirty;
        }

        Released++;
        machine.UserFrames.Put(cpu, frame);
    }

    /// <summary>Lets a page go that was taken without <see cref="PinFlags.Pin"/> (<c>put_page</c>).</summary>
    public void Put(CpuId cpu, Pfn frame)
    {
        if (frame != machine.UserFrames.ZeroPage)
        {
            machine.UserFrames.Put(cpu, frame);
        }
    }

    /// <summary>Whether a page is pinned, or cannot be told from one that is (<c>folio_maybe_dma_pinned</c>).</summary>
    public bool IsMaybePinned(Pfn frame) => PinCount.IsMaybePinned(pages, frame);

    private void ReleaseAll(CpuId cpu, ReadOnlySpan<Pfn> frames, PinFlags flags)
    {
        foreach (Pfn frame in frames)
        {
            if ((flags & PinFlags.Pin) != 0)
            {
                Unpin(cpu, frame);
            }
            else
            {
                Put(cpu, frame);
            }
        }
    }

    // gup_vma_lookup(), check_vma_flags(), follow_page_mask() and faultin_page() until the page is there as it must be.
    private Errno TryTakeOne(CpuId cpu, Process process, VirtAddr page, PinFlags flags, out Pfn frame)
    {
        frame = Pfn.None;
        if (page >= process.Memory.Options.TaskSize)
        {
            return Errno.EFAULT;
        }

        VmAreaRef areaRef = process.Memory.Areas.Find(page);
        if (areaRef.IsNone)
        {
            return Errno.EFAULT;
        }

        VmFlags area = process.Memory.Areas[areaRef].Flags;
        bool isWrite = (flags & PinFlags.Write) != 0;
        bool isForced = (flags & PinFlags.Force) != 0;
        if (!IsAllowed(area, flags))
        {
            return Errno.EFAULT;
        }

        for (int rounds = 0; rounds < FaultRoundsMax; rounds++)
        {
            Descriptor entry = process.Tables.Read(page, out int level);
            FaultResult result = FaultResult.Minor;
            if (!entry.IsPresent || (entry.IsProtNone && !isForced) || (isWrite && !MayFollowForWriting(area, entry, isForced)))
            {
                result = FaultHandler.Populate(process, cpu, page, isWrite, FaultOrigin.Populate);
                machine.Files.TryGet(process.Memory.Areas[areaRef].File)?.Mapping.CompleteInput();
            }
            else if (!isWrite && MustUnshare(area, entry, flags))
            {
                result = FaultHandler.Populate(process, cpu, page, isWrite: false, FaultOrigin.Unshare);
            }
            else
            {
                frame = FrameOf(entry, level, page);
                if ((flags & PinFlags.LongTerm) == 0 || !IsInMovableMemory(frame))
                {
                    return Hold(cpu, entry, frame, isWrite, flags);
                }

                // check_and_migrate_movable_pages()
                if (!pages.TryMovePage(cpu, frame, GfpFlags.User | GfpFlags.NoWarn))
                {
                    return Errno.ENOMEM;
                }
            }

            if (result > FaultResult.Major)
            {
                return result == FaultResult.OutOfMemory ? Errno.ENOMEM : Errno.EFAULT;
            }
        }

        return Errno.EFAULT;
    }

    // check_vma_flags()
    private static bool IsAllowed(VmFlags area, PinFlags flags)
    {
        if ((area & (VmFlags.Io | VmFlags.PfnMap)) != 0)
        {
            return false;
        }

        bool isForced = (flags & PinFlags.Force) != 0;
        return (flags & PinFlags.Write) != 0
            ? (area & VmFlags.Write) != 0 || (isForced && IsCopyOnWrite(area))
            : (area & VmFlags.Read) != 0 || (isForced && (area & VmFlags.MayRead) != 0);
    }

    // can_follow_write_pte(): an entry that the process may not write, but whose page is its own alone.
    private bool MayFollowForWriting(VmFlags area, Descriptor entry, bool isForced) =>
        entry.IsWritable
        || (isForced && IsCopyOnWrite(area) && (area & VmFlags.Write) == 0 && !entry.IsSpecial
            && machine.UserFrames.IsAnonymous(entry) && machine.UserFrames.IsExclusive(entry));

    // is_cow_mapping()
    private static bool IsCopyOnWrite(VmFlags area) => (area & (VmFlags.Shared | VmFlags.MayWrite)) == VmFlags.MayWrite;

    // try_grab_page(): the zero page is held by nobody.
    private Errno Hold(CpuId cpu, Descriptor entry, Pfn frame, bool isWrite, PinFlags flags)
    {
        if (frame == machine.UserFrames.ZeroPage)
        {
            return Errno.None;
        }

        if (!pages.Frames.IsValid(frame) || pages.Frames[pages.GetHead(frame)].RefCount <= 0)
        {
            pages.Log.Report(new Corruption(CorruptionCategory.PageTable, "bad page map", frame.Address, 1, entry.Value));
            return Errno.ENOMEM;
        }

        bool isPin = (flags & PinFlags.Pin) != 0;
        PinCount.Take(pages, frame, isPin);
        Acquired += isPin ? 1UL : 0;
        machine.UserFrames.NotePopulated(cpu, entry, isWrite);
        return Errno.None;
    }

    // gup_must_unshare()
    private bool MustUnshare(VmFlags area, Descriptor entry, PinFlags flags)
    {
        if ((flags & PinFlags.Pin) == 0 || entry.IsWritable)
        {
            return false;
        }

        return machine.UserFrames.IsAnonymous(entry)
            ? !machine.UserFrames.IsExclusive(entry)
            : (flags & PinFlags.LongTerm) != 0 && IsCopyOnWrite(area);
    }

    // folio_is_longterm_pinnable()
    private bool IsInMovableMemory(Pfn frame) =>
        frame != machine.UserFrames.ZeroPage && pages.Frames.IsValid(frame)
        && (pages.GetMigrateType(frame) == MigrateType.Cma || pages.FindZone(frame)?.Type == ZoneType.Movable);

    private static Pfn FrameOf(Descriptor entry, int level, VirtAddr page)
    {
        int blockShift = Pfn.PageShift + ((3 - level) * 9);
        return entry.Pfn + (uint)((page.Value & ((1UL << blockShift) - 1)) >> Pfn.PageShift);
    }
}
