using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <content>Names of ranges.</content>
public sealed unsafe partial class MemoryMap
{
    /// <summary>Names anonymous memory (<c>madvise_set_anon_name</c>, mm/madvise.c): VMAs of different names do not merge.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">First byte; on a page boundary.</param>
    /// <param name="lengthBytes">Bytes; rounded up to pages.</param>
    /// <param name="nameId">The name's number; <see cref="AreaNames.None"/> takes a name away.</param>
    /// <returns>EINVAL, ENOMEM (a hole; what is mapped was named all the same), EBADF (a file's mapping), EAGAIN (no memory).</returns>
    public SyscallResult SetName(CpuId cpu, VirtAddr address, ulong lengthBytes, uint nameId)
    {
        ulong length = PageAlign(lengthBytes);
        VirtAddr end = address + length;
        if (IsMisaligned(address) || (lengthBytes != 0 && length == 0) || end < address)
        {
            return Errno.EINVAL;
        }

        return WalkAreas(cpu, address, end, nameId, static (map, cpu, area, start, end, nameId) => map.NameArea(cpu, area, start, end, nameId));
    }

    // madvise_vma_anon_name
    private Errno NameArea(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end, uint nameId)
    {
        ref VmArea content = ref Areas[area];
        if (!content.IsAnonymous && !pages.IsSharedAnonymous(content.File))
        {
            return Errno.EBADF;
        }

        if (content.NameId == nameId)
        {
            return Errno.None;
        }

        Errno errno = Modify(cpu, area, start, end, content.Flags, nameId, out VmAreaRef changed);
        if (errno == Errno.None)
        {
            Areas[changed].NameId = nameId;
        }

        return errno == Errno.ENOMEM ? Errno.EAGAIN : errno;
    }
}
