using Engine.Arm64.PageTables;
using Engine.Core.Diagnostics.Procfs;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Arm64.Procfs;

/// <summary><c>/proc/kpageflags</c>: what each frame is (<c>stable_page_flags</c>, fs/proc/page.c of v6.9), in the bits of include/uapi/linux/kernel-page-flags.h.</summary>
/// <param name="machine">Whose frames.</param>
internal sealed class KernelPageFlagsFile(Machine machine) : ProcWordFile
{
    public override ulong WordCount => KernelPageCountFile.CountWords(machine);

    public override ulong ReadWord(ulong index)
    {
        Pfn pfn = new((uint)Math.Min(index, uint.MaxValue));
        return machine.Pages.Frames.IsValid(pfn) ? (ulong)FlagsOf(pfn) : (ulong)KernelPageFlags.NoPage;
    }

    private KernelPageFlags FlagsOf(Pfn pfn)
    {
        Frame frame = machine.Pages.Frames[pfn];
        bool isFree = machine.Pages.IsInFreeArea(pfn);
        KernelPageFlags flags = isFree ? KernelPageFlags.Buddy : 0;
        flags |= machine.Pages.IsReserved(pfn) ? KernelPageFlags.Reserved : 0;
        if (isFree)
        {
            return flags;
        }

        Pfn head = machine.PageCache.HeadOf(pfn);
        head = head == pfn ? machine.Pages.GetHead(pfn) : head;
        Frame first = machine.Pages.Frames[head];
        bool isAnonymous = first.RefCount > 0 && (first.Mapping & PageFlag.MappingAnon) != 0;
        flags |= machine.CountMappings(pfn) > 0 ? KernelPageFlags.Mapped : 0;
        flags |= isAnonymous ? KernelPageFlags.Anonymous : 0;
        bool isHead = (frame.Flags & PageFlag.Head) != 0 || machine.Pages.IsCompound(pfn);
        flags |= isHead ? KernelPageFlags.CompoundHead : 0;
        flags |= head != pfn ? KernelPageFlags.CompoundTail : 0;
        bool isLru = (first.Flags & PageFlag.Lru) != 0;
        flags |= (isHead || head != pfn) && (isLru || isAnonymous) ? KernelPageFlags.TransparentHuge : 0;
        flags |= head == machine.UserFrames.HugeZeroPage ? KernelPageFlags.ZeroPage | KernelPageFlags.TransparentHuge : 0;
        flags |= pfn == machine.UserFrames.ZeroPage ? KernelPageFlags.ZeroPage : 0;
        flags |= (first.Flags & (ulong)FrameFlags.Slab) != 0 ? KernelPageFlags.Slab : 0;
        flags |= frame.RefCount > 0 && PageTable.IsTable(in frame) ? KernelPageFlags.PageTable : 0;

        // In a tail the flags' word holds the folio's order and the like.
        return head == pfn ? flags | CopyFlags((FrameFlags)frame.Flags) : flags;
    }

    private static KernelPageFlags CopyFlags(FrameFlags flags) =>
        Copy(flags, FrameFlags.Locked, KernelPageFlags.Locked)
        | Copy(flags, FrameFlags.Error, KernelPageFlags.Error)
        | Copy(flags, FrameFlags.Referenced, KernelPageFlags.Referenced)
        | Copy(flags, FrameFlags.Uptodate, KernelPageFlags.Uptodate)
        | Copy(flags, FrameFlags.Dirty, KernelPageFlags.Dirty)
        | Copy(flags, FrameFlags.Lru, KernelPageFlags.Lru)
        | Copy(flags, FrameFlags.Active, KernelPageFlags.Active)
        | Copy(flags, FrameFlags.Writeback, KernelPageFlags.Writeback)
        | Copy(flags, FrameFlags.Reclaim, KernelPageFlags.Reclaim)
        | Copy(flags, FrameFlags.SwapBacked | FrameFlags.OwnerPrivate1, KernelPageFlags.SwapCache)
        | Copy(flags, FrameFlags.SwapBacked, KernelPageFlags.SwapBacked)
        | Copy(flags, FrameFlags.Unevictable, KernelPageFlags.Unevictable)
        | Copy(flags, FrameFlags.HwPoison, KernelPageFlags.HwPoison)
        | Copy(flags, FrameFlags.Mlocked, KernelPageFlags.Mlocked)
        | Copy(flags, FrameFlags.MappedToDisk, KernelPageFlags.MappedToDisk)
        | Copy(flags, FrameFlags.Private, KernelPageFlags.Private)
        | Copy(flags, FrameFlags.Private2, KernelPageFlags.Private2)
        | Copy(flags, FrameFlags.OwnerPrivate1, KernelPageFlags.OwnerPrivate)
        | Copy(flags, FrameFlags.Arch1, KernelPageFlags.Arch);

    private static KernelPageFlags Copy(FrameFlags flags, FrameFlags mask, KernelPageFlags copy) => (flags & mask) == mask ? copy : 0;
}
