using Engine.Core.Units;
using Mmsim.Traces;

namespace Mmsim.Replay;

/// <summary>Follows the system calls of a trace and tells which pages each one needs and maps.</summary>
internal sealed class MappedRanges
{
    private const ulong PageMask = Pfn.PageSizeBytes - 1;

    private ulong? brk;

    /// <summary>What one call says. A call that failed says nothing.</summary>
    public MappedRange EffectOf(SyscallEvent syscall)
    {
        if (!syscall.IsSuccess)
        {
            return default;
        }

        return syscall.Number switch
        {
            X86Syscall.Mmap => Maps(syscall.Result, syscall.Arg(1)),
            X86Syscall.Brk => Break(syscall.Result),
            X86Syscall.Mremap => Needs(syscall.Arg(0), syscall.Arg(1)) with
            {
                MapsStart = syscall.Result >> Pfn.PageShift,
                MapsEnd = EndPage(syscall.Result, syscall.Arg(2)),
            },
            X86Syscall.Mprotect or X86Syscall.PkeyMprotect or X86Syscall.Madvise or X86Syscall.Msync
                or X86Syscall.Mlock or X86Syscall.Munlock or X86Syscall.Mlock2 => Needs(syscall.Arg(0), syscall.Arg(1)),
            _ => default,
        };
    }

    // The first brk tells where the break stood when the trace began; each later one maps what lies between.
    private MappedRange Break(ulong result)
    {
        ulong previous = brk ?? result;
        brk = result;
        return result > previous ? Maps(previous, result - previous) : default;
    }

    private static MappedRange Maps(ulong start, ulong lengthBytes) =>
        new(0, 0, start >> Pfn.PageShift, EndPage(start, lengthBytes));

    private static MappedRange Needs(ulong start, ulong lengthBytes) =>
        new(start >> Pfn.PageShift, EndPage(start, lengthBytes), 0, 0);

    // Lengths come from the trace: one that would wrap ends at the top of the address space.
    private static ulong EndPage(ulong start, ulong lengthBytes)
    {
        const ulong Top = 1UL << 48;
        ulong end = lengthBytes > Top || start > Top ? Top : start + lengthBytes;
        return (Math.Min(end, Top) + PageMask) >> Pfn.PageShift;
    }
}
