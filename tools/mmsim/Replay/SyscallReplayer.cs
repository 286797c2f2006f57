using Engine.Arm64;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Units;
using Mmsim.Traces;

namespace Mmsim.Replay;

/// <summary>Repeats a trace's system calls on a process of the model. Where the traced kernel chose an address, that address is used.</summary>
internal sealed class SyscallReplayer
{
    private const ulong PageMask = Pfn.PageSizeBytes - 1;

    /// <summary>The flag of mlock2.</summary>
    private const ulong MlockOnFault = 1;

    private readonly Process process;
    private readonly CpuId cpu;
    private readonly FileDescriptors files;
    private bool isBreakKnown;

    public SyscallReplayer(Process process, CpuId cpu, FileDescriptors files)
    {
        this.process = process;
        this.cpu = cpu;
        this.files = files;
    }

    /// <summary>What became of the calls so far.</summary>
    public SyscallCounts Counts { get; } = new();

    /// <summary>Maps what existed before the trace began.</summary>
    /// <returns>The first mapping's refusal, or success.</returns>
    public SyscallResult MapInitial(IReadOnlyList<InitialRange> ranges)
    {
        foreach (InitialRange range in ranges)
        {
            (MemoryProtection protection, bool isFile) = range.Kind switch
            {
                InitialKind.Text => (MemoryProtection.Read | MemoryProtection.Exec, true),
                InitialKind.Writable => (MemoryProtection.Read | MemoryProtection.Write, false),
                InitialKind.WritableText => (MemoryProtection.Read | MemoryProtection.Write | MemoryProtection.Exec, true),
                _ => (MemoryProtection.Read, true),
            };
            MapFlags flags = MapFlags.Private | MapFlags.Fixed | (isFile ? MapFlags.None : MapFlags.Anonymous);
            MappedFile file = isFile ? ToMapped(files.Image) : MappedFile.None;
            ulong offset = isFile ? range.Start.ToUInt64() : 0;
            SyscallResult mapped = process.Memory.Map(cpu, range.Start, range.PageCount << Pfn.PageShift, protection, flags, file, offset);
            if (mapped.IsError)
            {
                return mapped;
            }
        }

        return SyscallResult.Success;
    }

    /// <summary>Repeats one call.</summary>
    public void Apply(SyscallEvent syscall)
    {
        files.Follow(syscall);
        if (!ConcernsMemory(syscall.Number))
        {
            Counts.Ignored++;
            return;
        }

        if (!syscall.IsSuccess)
        {
            Counts.Failed++;
            return;
        }

        Counts.Applied++;
        if (Repeat(syscall).IsError)
        {
            Counts.Refused++;
        }
    }

    private static bool ConcernsMemory(uint number) => number
        is X86Syscall.Mmap or X86Syscall.Munmap or X86Syscall.Mprotect or X86Syscall.PkeyMprotect or X86Syscall.Brk or X86Syscall.Mremap
        or X86Syscall.Madvise or X86Syscall.Msync or X86Syscall.Mlock or X86Syscall.Mlock2 or X86Syscall.Munlock;

    private SyscallResult Repeat(SyscallEvent syscall)
    {
        VirtAddr start = new(syscall.Arg(0));
        ulong lengthBytes = syscall.Arg(1);
        return syscall.Number switch
        {
            X86Syscall.Mmap => Mmap(syscall),
            X86Syscall.Munmap => process.Memory.Unmap(cpu, start, lengthBytes),
            X86Syscall.Mprotect or X86Syscall.PkeyMprotect => process.Memory.Protect(cpu, start, lengthBytes, (MemoryProtection)syscall.Arg(2)),
            X86Syscall.Brk => Brk(syscall.Result),
            X86Syscall.Mremap => Mremap(syscall),
            X86Syscall.Madvise => process.Memory.Advise(cpu, start, lengthBytes, (MemoryAdvice)(int)syscall.Arg(2)),
            X86Syscall.Msync => process.Memory.Sync(cpu, start, lengthBytes, (SyncFlags)(int)syscall.Arg(2)),
            X86Syscall.Mlock => process.Memory.Lock(cpu, start, lengthBytes, isOnFault: false),
            X86Syscall.Mlock2 => process.Memory.Lock(cpu, start, lengthBytes, isOnFault: (syscall.Arg(2) & MlockOnFault) != 0),
            _ => process.Memory.Unlock(cpu, start, lengthBytes),
        };
    }

    private SyscallResult Mmap(SyscallEvent syscall)
    {
        MapFlags flags = ((MapFlags)(int)syscall.Arg(3) & ~MapFlags.FixedNoReplace) | MapFlags.Fixed;
        bool isFile = (flags & MapFlags.Anonymous) == 0;
        MappedFile file = isFile ? ToMapped(files[syscall.Arg(4)]) : MappedFile.None;
        return process.Memory.Map(
            cpu, new VirtAddr(syscall.Result), syscall.Arg(1), (MemoryProtection)(int)syscall.Arg(2), flags, file, isFile ? syscall.Arg(5) : 0);
    }

    // The first call tells where the break stood when the program began.
    private SyscallResult Brk(ulong result)
    {
        if (!isBreakKnown)
        {
            isBreakKnown = true;
            process.Memory.State.StartBrk = new VirtAddr(result);
            process.Memory.State.Brk = new VirtAddr(result);
        }

        return process.Memory.Break(cpu, new VirtAddr(result));
    }

    private SyscallResult Mremap(SyscallEvent syscall)
    {
        VirtAddr from = new(syscall.Arg(0));
        VirtAddr to = new(syscall.Result);
        RemapFlags flags = (RemapFlags)(int)syscall.Arg(3) & RemapFlags.DontUnmap;
        if (to != from)
        {
            flags |= RemapFlags.MayMove | RemapFlags.Fixed;
        }

        return process.Memory.Remap(cpu, from, syscall.Arg(1), (syscall.Arg(2) + PageMask) & ~PageMask, flags, to);
    }

    private static MappedFile ToMapped(OpenFile file) => new(file.Id, MappedFileModes.ReadWrite);
}
