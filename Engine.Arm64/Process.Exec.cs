// exec (fs/exec.c, fs/binfmt_elf.c of v6.9). Everything that can be refused without harm is refused first; then the old memory
// goes, and a failure from there on ends the process, as the kernel kills it.

using Engine.Arm64.Exec;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64;

/// <content>exec.</content>
public sealed partial class Process
{
    private const ulong StackExpandBytes = 128 << 10;
    private const ulong MapGapMin = 128UL << 20;

    /// <summary>
    /// Runs a program in place of the present one (<c>execve</c>): a new address space with the program's segments, its dynamic linker (looked up by name among the
    /// machine's open files), stack with arguments, environment and auxiliary vector, vDSO. Memory shared with other processes stays theirs; a parent that waits
    /// since vfork may go on.
    /// </summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="file">The program, an ELF file. Anything else is ENOEXEC, scripts too.</param>
    /// <param name="options">Arguments and the like; null for none.</param>
    /// <returns>How it ended.</returns>
    public ExecResult Exec(CpuId cpu, OpenFile file, ExecOptions? options = null)
    {
        options ??= new ExecOptions();
        Errno errno = Prepare(cpu, file, options, out ElfFile? elf, out ElfFile? interpreter, out ProgramStrings? strings);
        if (errno != Errno.None)
        {
            return ExecResult.Refused(errno);
        }

        ResourceLimits limits = Memory.Limits;
        bool isLegacy = options.IsLegacyLayout || limits.StackBytes == ResourceLimits.Infinity;
        MemoryMapOptions bounds = Memory.Options with { IsLegacyLayout = isLegacy };
        if (!AddressSpace.TryCreate(cpu, this, bounds, limits, out AddressSpace? fresh) || Machine.TryGetSpecialMappings(cpu) is not { } special)
        {
            fresh?.Discard(cpu);
            return ExecResult.Refused(Errno.ENOMEM);
        }

        fresh.Memory.State.IsThpDisabled = Memory.State.IsThpDisabled;
        fresh.Memory.State.DefaultFlags = Memory.State.DefaultFlags & VmFlags.NoHugePage;
        BeginNewProgram(cpu, fresh, file);
        ExecRandom random = new(options.Randomization, options.Seed ?? unchecked(Machine.Options.Seed + ((ulong)Pid << 32) + Asid.Value));
        errno = LoadProgram(cpu, elf!, interpreter, strings!, special, random, out ExecResult result);
        if (errno == Errno.None)
        {
            return result;
        }

        Exit(cpu);
        return new ExecResult { Errno = errno, IsKilled = true };
    }

    private Errno Prepare(CpuId cpu, OpenFile file, ExecOptions options, out ElfFile? elf, out ElfFile? interpreter, out ProgramStrings? strings)
    {
        elf = null;
        interpreter = null;
        strings = null;
        if ((file.Modes & MappedFileModes.NoExec) != 0)
        {
            return Errno.EACCES;
        }

        Errno errno = ProgramStrings.Make(file.Name, options, Memory.Limits.StackBytes, out strings);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (!ElfFile.TryRead(cpu, file, options.ElfMachine, out elf))
        {
            return Errno.ENOEXEC;
        }

        errno = elf!.ReadInterpreter(cpu, out string? path);
        if (errno != Errno.None || path is null)
        {
            return errno;
        }

        if (Machine.Files.TryFind(path) is not { } linker)
        {
            return Errno.ENOENT;
        }

        return (linker.Modes & MappedFileModes.NoExec) != 0 ? Errno.EACCES : ElfFile.ReadLinker(cpu, linker, options.ElfMachine, out interpreter);
    }

    // begin_new_exec: the old memory goes, the CPUs that run the process load the new tables.
    private void BeginNewProgram(CpuId cpu, AddressSpace fresh, OpenFile file)
    {
        StopWaiting();
        WakeVforkParent();
        LeaveSpace(cpu);
        Enter(fresh);
        Machine.Bind(fresh);
        Name = file.Name[(file.Name.LastIndexOf('/') + 1)..];
        foreach (Cpu running in Machine.Cpus.Where(running => running.Current == this))
        {
            running.SwitchTo(this);
        }
    }

    // load_elf_binary from setup_new_exec on
    private Errno LoadProgram(
        CpuId cpu, ElfFile elf, ElfFile? interpreter, ProgramStrings strings, SpecialMappings special, ExecRandom random, out ExecResult result)
    {
        result = default;
        ref MmStruct mm = ref Memory.State;
        mm.MmapBase = PickMmapBase(random);
        Errno errno = SetUpStack(cpu, elf, strings, random, out VirtAddr stringStart);
        if (errno != Errno.None)
        {
            return errno;
        }

        ProgramLoader loader = new(cpu, this);
        errno = loader.Load(elf, interpreter, random, out LoadedProgram program);
        errno = errno == Errno.None ? MapVdso(cpu, special, out program.Vdso) : errno;
        VirtAddr stackPointer = default;
        errno = errno == Errno.None ? InitialStack.Write(cpu, this, strings, stringStart, in program, random, out stackPointer) : errno;
        if (errno != Errno.None)
        {
            return errno;
        }

        mm.StartCode = new VirtAddr(program.StartCode);
        mm.EndCode = new VirtAddr(program.EndCode);
        mm.StartData = new VirtAddr(program.StartData);
        mm.EndData = new VirtAddr(program.EndData);
        mm.StartStack = stackPointer;
        loader.PlaceHeap(elf, interpreter is not null, random);
        result = new ExecResult
        {
            EntryPoint = new VirtAddr(program.EntryPoint),
            StackPointer = stackPointer,
            ProgramEntry = new VirtAddr(program.Entry),
            InterpreterBase = new VirtAddr(program.InterpreterBase),
            Vdso = program.Vdso,
        };
        return Errno.None;
    }

    // arch_pick_mmap_layout, mmap_base (mm/util.c)
    private VirtAddr PickMmapBase(ExecRandom random)
    {
        ulong shift = random.NextMapBytes();
        if (Memory.Options.IsLegacyLayout)
        {
            return Memory.UnmappedBase + shift;
        }

        ulong top = Memory.Options.TaskSize.Value;
        ulong gap = Memory.Limits.StackBytes;
        ulong pad = Memory.Options.StackGuardGapBytes + (random.IsOn ? ExecRandom.StackPagesMask << Pfn.PageShift : 0);
        gap = unchecked(gap + pad) > gap ? gap + pad : gap;
        gap = Math.Clamp(gap, MapGapMin, top / 6 * 5);
        return new VirtAddr((top - gap - shift + InPageMask) & ~InPageMask);
    }

    // setup_arg_pages, and the strings that the kernel has copied before
    private Errno SetUpStack(CpuId cpu, ElfFile elf, ProgramStrings strings, ExecRandom random, out VirtAddr stringStart)
    {
        ulong top = Memory.Options.TaskSize.Value - random.NextStackBytes();
        top = (random.AlignStack(top) + InPageMask) & ~InPageMask;
        stringStart = new VirtAddr(top - sizeof(ulong) - (ulong)strings.Bytes.Length);
        ulong used = top - (stringStart.Value & ~InPageMask);
        ulong size = Math.Max(used, Math.Min(Memory.Limits.StackBytes & ~InPageMask, used + StackExpandBytes));
        MemoryProtection protection = MemoryProtection.Read | MemoryProtection.Write;
        foreach (ElfSegment segment in elf.Segments)
        {
            if (segment.Type == ElfSegment.TypeStack)
            {
                protection &= ~MemoryProtection.Exec;
                protection |= segment.Protection & MemoryProtection.Exec;
            }
        }

        SyscallResult mapped = Memory.Map(
            cpu, new VirtAddr(top - size), size, protection,
            MapFlags.Private | MapFlags.Anonymous | MapFlags.Fixed | MapFlags.GrowsDown, MappedFile.None, 0);
        Memory.State.StartStack = stringStart;
        return mapped.IsError ? mapped.Errno : TryWriteUser(cpu, stringStart, strings.Bytes) ? Errno.None : Errno.EFAULT;
    }

    // arch_setup_additional_pages (arch/arm64/kernel/vdso.c)
    private Errno MapVdso(CpuId cpu, SpecialMappings special, out VirtAddr vdso)
    {
        const ulong dataBytes = SpecialMappings.DataPages * (ulong)Pfn.PageSizeBytes;
        const ulong codeBytes = SpecialMappings.CodePages * (ulong)Pfn.PageSizeBytes;
        SyscallResult room = Memory.FindRoom(dataBytes + codeBytes);
        vdso = room.IsError ? default : room.Address + dataBytes;
        if (room.IsError)
        {
            return room.Errno;
        }

        Errno errno = Memory.MapSpecial(cpu, room.Address, dataBytes, VmFlags.Read | VmFlags.MayRead | VmFlags.PfnMap, special.Data.Id);
        const VmFlags code = VmFlags.Read | VmFlags.Exec | VmFlags.MayRead | VmFlags.MayWrite | VmFlags.MayExec;
        return errno == Errno.None ? Memory.MapSpecial(cpu, vdso, codeBytes, code, special.Code.Id) : errno;
    }
}
