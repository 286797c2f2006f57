using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <content>fork.</content>
public sealed unsafe partial class MemoryMap
{
    /// <summary>Copies the address space into an empty one (<c>dup_mmap</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="child">The child's, as <see cref="TryCreate"/> made it.</param>
    /// <returns>ENOMEM where a limit or memory is exceeded; the child must then be given up with <see cref="Exit"/>.</returns>
    public Errno Fork(CpuId cpu, MemoryMap child)
    {
        ref MmStruct to = ref child.State;
        CopyBounds(in *mm, ref to);
        for (VmAreaRef area = Areas.First; !area.IsNone; area = Areas.NextOf(area))
        {
            ref VmArea content = ref Areas[area];
            if ((content.Flags & VmFlags.DontCopy) == 0)
            {
                Errno errno = ForkArea(cpu, area, ref content, child);
                if (errno != Errno.None)
                {
                    return errno;
                }
            }
        }

        return Errno.None;
    }

    private static void CopyBounds(in MmStruct from, ref MmStruct to)
    {
        to.DefaultFlags = from.DefaultFlags & VmFlags.NoHugePage;
        to.MmapBase = from.MmapBase;
        to.StartBrk = from.StartBrk;
        to.Brk = from.Brk;
        to.StartCode = from.StartCode;
        to.EndCode = from.EndCode;
        to.StartData = from.StartData;
        to.EndData = from.EndData;
        to.StartStack = from.StartStack;
        to.ArgStart = from.ArgStart;
        to.ArgEnd = from.ArgEnd;
        to.EnvStart = from.EnvStart;
        to.EnvEnd = from.EnvEnd;
        to.IsThpDisabled = from.IsThpDisabled;
    }

    private Errno ForkArea(CpuId cpu, VmAreaRef area, ref VmArea content, MemoryMap child)
    {
        ulong charged = (content.Flags & VmFlags.Account) != 0 ? content.PageCount : 0;
        if (charged != 0 && !TryCharge(cpu, charged))
        {
            return Errno.ENOMEM;
        }

        // The child finds zeroes in a wiped VMA, so it shares no anon_vma with the parent.
        bool isWiped = (content.Flags & VmFlags.WipeOnFork) != 0;
        if (!child.TryNewArea(cpu, content.Start, content.End, content.Flags & ~VmFlags.LockedMask, content.PageOffset, content.File, out VmAreaRef copy))
        {
            commit.Uncharge(cpu, charged);
            return Errno.ENOMEM;
        }

        Areas[copy].NameId = content.NameId;
        Areas[copy].SwapReadahead = content.SwapReadahead;
        if (!isWiped && !anonVmas.TryFork(cpu, copy, area))
        {
            caches.Areas.Free(cpu, copy.Address);
            commit.Uncharge(cpu, charged);
            return Errno.ENOMEM;
        }

        if (content.File != VmArea.NoFile)
        {
            child.pages.LinkFile(cpu, copy);
        }

        if (!child.Areas.TryInsert(cpu, copy))
        {
            child.FreeArea(cpu, copy);
            commit.Uncharge(cpu, charged);
            return Errno.ENOMEM;
        }

        child.CountPages(content.Flags, content.PageCount);
        return isWiped || pages.CopyPages(cpu, area, child, copy) ? Errno.None : Errno.ENOMEM;
    }
}
