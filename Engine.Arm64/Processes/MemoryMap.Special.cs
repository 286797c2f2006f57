using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <content>What exec maps beside the program.</content>
public sealed unsafe partial class MemoryMap
{
    /// <summary>Finds room for a mapping of the kernel's choice (<c>get_unmapped_area</c>).</summary>
    /// <returns>ENOMEM where there is none.</returns>
    internal SyscallResult FindRoom(ulong lengthBytes)
    {
        Errno errno = FindUnmapped(default, lengthBytes, 0, MappedFileModes.None, isAnonymousPrivate: false, isFixed: false, out VirtAddr found);
        return errno == Errno.None ? SyscallResult.FromAddress(found) : errno;
    }

    /// <summary>Maps pages of the kernel (<c>_install_special_mapping</c>, mm/mmap.c).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="start">Where; free.</param>
    /// <param name="lengthBytes">Bytes; whole pages.</param>
    /// <param name="flags">What it allows.</param>
    /// <param name="file">What holds the pages.</param>
    /// <returns>ENOMEM, or success.</returns>
    internal Errno MapSpecial(CpuId cpu, VirtAddr start, ulong lengthBytes, VmFlags flags, uint file)
    {
        VmFlags all = (flags | mm->DefaultFlags | VmFlags.DontExpand) & ~VmFlags.LockedMask;
        ulong pageCount = lengthBytes >> Pfn.PageShift;
        bool isFree = Areas.FindIntersection(start, start + lengthBytes).IsNone;
        if (!isFree || !MayExpand(all, pageCount))
        {
            return Errno.ENOMEM;
        }

        Errno errno = AddArea(cpu, start, start + lengthBytes, all, 0, file, out _);
        if (errno == Errno.None)
        {
            CountPages(all, pageCount);
        }

        return errno;
    }
}
