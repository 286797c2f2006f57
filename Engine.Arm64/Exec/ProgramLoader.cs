// Maps an ELF file and its dynamic linker into a fresh address space (fs/binfmt_elf.c of v6.9: load_elf_binary, load_elf_interp,
// elf_load, elf_map). What a file says may be anything: sums wrap as the kernel's do, and mmap refuses what is no place.

using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Exec;

/// <summary>Loads one program for a process.</summary>
/// <param name="cpu">The CPU that acts.</param>
/// <param name="process">The process, with its new address space.</param>
internal readonly struct ProgramLoader(CpuId cpu, Process process)
{
    private const ulong PageMask = Pfn.PageSizeBytes - 1;

    private MemoryMap Memory => process.Memory;

    private ulong TaskSize => Memory.Options.TaskSize.Value;

    /// <summary>Where position-independent programs go (<c>ELF_ET_DYN_BASE</c>): two thirds up.</summary>
    private ulong DynamicBase => TaskSize * 2 / 3;

    /// <summary>Maps the program.</summary>
    /// <param name="elf">The program.</param>
    /// <param name="interpreter">Its dynamic linker, or null.</param>
    /// <param name="random">The random choices.</param>
    /// <param name="program">Where everything is.</param>
    /// <returns>Why it cannot be mapped.</returns>
    public Errno Load(ElfFile elf, ElfFile? interpreter, ExecRandom random, out LoadedProgram program)
    {
        program = new LoadedProgram { StartCode = ulong.MaxValue, ProgramHeaderCount = elf.Header.ProgramHeaderCount };
        ulong bias = 0;
        bool isFirst = true;
        foreach (ElfSegment segment in elf.Segments)
        {
            if (!segment.IsLoad)
            {
                continue;
            }

            Errno errno = LoadSegment(elf, interpreter is not null, in segment, isFirst, random, ref bias);
            errno = errno == Errno.None ? Note(in segment, ref program) : errno;
            if (errno != Errno.None)
            {
                return errno;
            }

            isFirst = false;
            ulong tableOffset = unchecked(elf.Header.ProgramHeaderOffset - segment.FileOffset);
            if (elf.Header.ProgramHeaderOffset >= segment.FileOffset && tableOffset < segment.FileBytes)
            {
                program.ProgramHeaders = unchecked(tableOffset + segment.Address);
            }
        }

        unchecked
        {
            program.Entry = elf.Header.Entry + bias;
            program.ProgramHeaders += bias;
            program.StartCode += bias;
            program.EndCode += bias;
            program.StartData += bias;
            program.EndData += bias;
            program.EndBss = (program.EndBss + bias + PageMask) & ~PageMask;
        }

        Memory.SetStartBrk(new VirtAddr(program.EndBss));
        if (interpreter is null)
        {
            program.EntryPoint = program.Entry;
            return program.Entry >= TaskSize ? Errno.EINVAL : Errno.None;
        }

        SyscallResult loaded = LoadInterpreter(interpreter, isAnywhere: bias != 0);
        program.InterpreterBase = loaded.Value;
        program.EntryPoint = unchecked(loaded.Value + interpreter.Header.Entry);
        return loaded.IsError ? loaded.Errno : program.EntryPoint >= TaskSize ? Errno.EINVAL : Errno.None;
    }

    /// <summary>Where the heap of a dynamic linker that is run as a program begins to be sought, and that of others.</summary>
    public void PlaceHeap(ElfFile elf, bool hasInterpreter, ExecRandom random)
    {
        if (random.Kind != AddressRandomization.Full)
        {
            return;
        }

        bool isLoader = elf.Header.Type == ElfHeader.TypeDynamic && !hasInterpreter;
        ulong start = isLoader ? DynamicBase : Memory.State.StartBrk.Value + Pfn.PageSizeBytes;
        Memory.SetStartBrk(new VirtAddr(((start + PageMask) & ~PageMask) + random.NextHeapBytes()));
    }

    // The body of the loop over PT_LOAD in load_elf_binary.
    private Errno LoadSegment(ElfFile elf, bool hasInterpreter, in ElfSegment segment, bool isFirst, ExecRandom random, ref ulong bias)
    {
        MapFlags flags = MapFlags.Private;
        ulong total = 0;
        bool isDynamic = elf.Header.Type == ElfHeader.TypeDynamic;
        if (!isFirst)
        {
            flags |= MapFlags.Fixed;
        }
        else if (!isDynamic)
        {
            flags |= MapFlags.FixedNoReplace;
        }
        else
        {
            if (hasInterpreter)
            {
                ulong alignment = elf.Alignment;
                bias = unchecked(DynamicBase + random.NextMapBytes());
                bias &= alignment == 0 ? ulong.MaxValue : unchecked(0 - alignment);
                flags |= MapFlags.FixedNoReplace;
            }

            bias = unchecked(bias - segment.Address) & ~PageMask;
            total = elf.SpanBytes;
            if (total == 0)
            {
                return Errno.EINVAL;
            }
        }

        SyscallResult mapped = MapSegment(elf.File, unchecked(bias + segment.Address), in segment, flags, total);
        if (mapped.IsError || mapped.Value >= TaskSize)
        {
            return mapped.IsError ? mapped.Errno : Errno.EINVAL;
        }

        if (isFirst && isDynamic)
        {
            bias = unchecked(bias + mapped.Value - ((bias + segment.Address) & ~PageMask));
        }

        return Errno.None;
    }

    // Bounds as the file gives them, and whether they are possible.
    private Errno Note(in ElfSegment segment, ref LoadedProgram program)
    {
        if (!IsInside(segment.Address, in segment))
        {
            return Errno.EINVAL;
        }

        ulong fileEnd = segment.Address + segment.FileBytes;
        if (segment.IsExecutable)
        {
            program.StartCode = Math.Min(program.StartCode, segment.Address);
            program.EndCode = Math.Max(program.EndCode, fileEnd);
        }

        program.StartData = Math.Max(program.StartData, segment.Address);
        program.EndData = Math.Max(program.EndData, fileEnd);
        program.EndBss = Math.Max(program.EndBss, segment.Address + segment.MemoryBytes);
        return Errno.None;
    }

    private bool IsInside(ulong address, in ElfSegment segment) =>
        address < TaskSize
        && segment.FileBytes <= segment.MemoryBytes
        && segment.MemoryBytes <= TaskSize
        && TaskSize - segment.MemoryBytes >= address;

    // load_elf_interp: beside a program that lies where it wants to, the linker is placed as if its first segment named the place.
    private SyscallResult LoadInterpreter(ElfFile elf, bool isAnywhere)
    {
        if (!elf.Header.IsLoadable || (elf.File.Modes & MappedFileModes.NoMap) != 0)
        {
            return Errno.EPERM; // the kernel's error is -1, which is EPERM by number
        }

        ulong total = elf.SpanBytes;
        if (total == 0)
        {
            return Errno.EINVAL;
        }

        bool isDynamic = elf.Header.Type == ElfHeader.TypeDynamic;
        ulong bias = 0;
        bool isPlaced = false;
        foreach (ElfSegment segment in elf.Segments)
        {
            if (!segment.IsLoad)
            {
                continue;
            }

            MapFlags flags = MapFlags.Private | (!isDynamic || isPlaced ? MapFlags.Fixed : MapFlags.None);
            bias = isDynamic && !isPlaced && isAnywhere ? unchecked(0 - segment.Address) : bias;
            SyscallResult mapped = MapSegment(elf.File, unchecked(bias + segment.Address), in segment, flags, total);
            total = 0;
            if (mapped.IsError || mapped.Value >= TaskSize)
            {
                return mapped.IsError ? mapped : Errno.EINVAL;
            }

            if (!isPlaced && isDynamic)
            {
                bias = unchecked(mapped.Value - (segment.Address & ~PageMask));
                isPlaced = true;
            }

            if (!IsInside(unchecked(bias + segment.Address), in segment))
            {
                return Errno.ENOMEM;
            }
        }

        return bias >= TaskSize ? Errno.EINVAL : SyscallResult.FromValue(bias);
    }

    // elf_load: the file's part, zeroes to the end of its last page, and pages of zeroes behind it.
    private SyscallResult MapSegment(OpenFile file, ulong address, in ElfSegment segment, MapFlags flags, ulong total)
    {
        ulong inPage = segment.Address & PageMask;
        ulong mapped = address & ~PageMask;
        ulong zeroStart = mapped;
        if (segment.FileBytes != 0)
        {
            SyscallResult result = MapFile(file, address, in segment, flags, total);
            if (result.IsError || result.Value >= TaskSize)
            {
                return result;
            }

            mapped = result.Value;
            zeroStart = unchecked(mapped + inPage + segment.FileBytes);
            if (segment.MemoryBytes > segment.FileBytes && !TryPadZero(zeroStart) && (segment.Protection & MemoryProtection.Write) != 0)
            {
                return Errno.EFAULT;
            }
        }

        if (segment.MemoryBytes > segment.FileBytes)
        {
            zeroStart = unchecked(zeroStart + PageMask) & ~PageMask;
            ulong zeroEnd = unchecked(mapped + inPage + segment.MemoryBytes + PageMask) & ~PageMask;
            Errno errno = Memory.AddBreak(cpu, new VirtAddr(zeroStart), unchecked(zeroEnd - zeroStart), isExec: segment.IsExecutable);
            if (errno != Errno.None)
            {
                return errno;
            }
        }

        return SyscallResult.FromValue(mapped);
    }

    // elf_map
    private SyscallResult MapFile(OpenFile file, ulong address, in ElfSegment segment, MapFlags flags, ulong total)
    {
        ulong inPage = segment.Address & PageMask;
        ulong length = unchecked(segment.FileBytes + inPage + PageMask) & ~PageMask;
        ulong offset = unchecked(segment.FileOffset - inPage);
        VirtAddr place = new(address & ~PageMask);
        if (length == 0)
        {
            return SyscallResult.FromAddress(place);
        }

        MappedFile mapped = file.ToMappedFile();
        if (total == 0)
        {
            return Memory.Map(cpu, place, length, segment.Protection, flags, mapped, offset);
        }

        // The whole span first, so that nothing else gets into it.
        total = unchecked(total + PageMask) & ~PageMask;
        SyscallResult result = Memory.Map(cpu, place, total, segment.Protection, flags, mapped, offset);
        if (!result.IsError && result.Value < TaskSize)
        {
            _ = Memory.Unmap(cpu, new VirtAddr(unchecked(result.Value + length)), unchecked(total - length));
        }

        return result;
    }

    // padzero, where the page may be written at all
    private bool TryPadZero(ulong address)
    {
        int length = (int)(unchecked(0 - address) & PageMask);
        VmAreaRef area = length == 0 ? VmAreaRef.None : Memory.Areas.Find(new VirtAddr(address));
        return length == 0
            || (!area.IsNone && (Memory.Areas[area].Flags & VmFlags.Write) != 0 && process.TryClearUser(cpu, new VirtAddr(address), length));
    }
}
