using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <content>Bringing pages in.</content>
public sealed unsafe partial class MemoryMap
{
    // __mm_populate: holes and special VMAs are passed over.
    private Errno Populate(CpuId cpu, VirtAddr start, VirtAddr end, bool ignoresErrors)
    {
        while (start < end)
        {
            VmAreaRef area = Areas.FindIntersection(start, end);
            if (area.IsNone)
            {
                return Errno.None;
            }

            ref VmArea content = ref Areas[area];
            VirtAddr stop = Min(end, content.End);
            bool isSpecial = (content.Flags & (VmFlags.Io | VmFlags.PfnMap)) != 0;
            if (!isSpecial && (content.Flags & VmFlags.LockOnFault) == 0)
            {
                // What cannot be read at all is not touched (check_vma_flags, mm/gup.c).
                Errno errno = (content.Flags & VmFlags.Access) == 0
                    ? Errno.EFAULT
                    : pages.PopulatePages(cpu, area, Max(start, content.Start), stop, PopulateKind.Touch);
                if (errno != Errno.None && !ignoresErrors)
                {
                    return errno;
                }
            }

            start = stop;
        }

        return Errno.None;
    }

    // madvise_populate: a hole ends it, and so does a VMA that does not allow the access.
    private Errno PopulateAdvised(CpuId cpu, VirtAddr start, VirtAddr end, PopulateKind kind)
    {
        while (start < end)
        {
            VmAreaRef area = Areas.Find(start);
            if (area.IsNone)
            {
                return Errno.ENOMEM;
            }

            ref VmArea content = ref Areas[area];
            VmFlags needed = kind == PopulateKind.Write ? VmFlags.Write : VmFlags.Read;
            if ((content.Flags & (VmFlags.Io | VmFlags.PfnMap)) != 0 || (content.Flags & needed) == 0)
            {
                return Errno.EINVAL;
            }

            VirtAddr stop = Min(end, content.End);
            Errno errno = pages.PopulatePages(cpu, area, start, stop, kind);
            if (errno != Errno.None)
            {
                return errno;
            }

            start = stop;
        }

        return Errno.None;
    }
}
