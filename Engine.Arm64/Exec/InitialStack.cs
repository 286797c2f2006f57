// What a program finds on its stack (fs/binfmt_elf.c, create_elf_tables), from the stack pointer upwards:
//
//   argc, argv pointers, 0, environment pointers, 0, auxiliary vector        16-byte aligned
//   16 random bytes, "aarch64"
//   arguments, environment, the file's name, 8 bytes of nothing              the top

using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Exec;

/// <summary>Fills a new program's stack.</summary>
internal static class InitialStack
{
    /// <summary>Bytes that the kernel keeps of an auxiliary vector (<c>AT_VECTOR_SIZE</c> words: 22 pairs, 2 of arm64, and the end).</summary>
    public const int AuxiliaryBytesMax = (22 + 2 + 1) * 2 * sizeof(ulong);

    private const ulong Capabilities = 0x807; // fp, asimd, evtstrm, cpuid
    private const ulong SignalStackBytes = 4720; // of a core without SVE
    private const ulong ClockTicks = 100;
    private const ulong RseqBytes = 28;
    private const ulong RseqAlignment = 32;

    /// <summary>Writes pointers and auxiliary vector below the strings.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="process">The process; its strings are in place.</param>
    /// <param name="strings">The strings.</param>
    /// <param name="stringStart">Where they are.</param>
    /// <param name="program">What the vector tells of the program.</param>
    /// <param name="random">The random choices.</param>
    /// <param name="stackPointer">Where argc is.</param>
    /// <returns>EFAULT where the stack cannot be written.</returns>
    public static Errno Write(
        CpuId cpu, Process process, ProgramStrings strings, VirtAddr stringStart, in LoadedProgram program, ExecRandom random, out VirtAddr stackPointer)
    {
        ulong place = random.AlignStack(stringStart.Value);
        ulong platform = place - 8;
        ulong randomBytes = platform - 16;
        List<ulong> vector = MakeVector(in program, stringStart.Value + (ulong)(strings.Bytes.Length - strings.FileNameBytes), platform, randomBytes);
        List<ulong> words = [(ulong)strings.ArgumentCount];
        (ulong argumentsEnd, ulong environmentEnd) = AppendPointers(words, strings, stringStart.Value);
        stackPointer = new VirtAddr((randomBytes - ((ulong)(vector.Count + words.Count) * sizeof(ulong))) & ~15UL);
        words.AddRange(vector);

        byte[] end = new byte[24];
        BinaryPrimitives.WriteUInt64LittleEndian(end, random.Next());
        BinaryPrimitives.WriteUInt64LittleEndian(end.AsSpan(8), random.Next());
        "aarch64"u8.CopyTo(end.AsSpan(16));
        if (!process.TryWriteUser(cpu, new VirtAddr(randomBytes), end)
            || !process.TryWriteUser(cpu, stackPointer, MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(words))))
        {
            return Errno.EFAULT;
        }

        ref MmStruct mm = ref process.Memory.State;
        mm.ArgStart = stringStart;
        mm.ArgEnd = mm.EnvStart = new VirtAddr(argumentsEnd);
        mm.EnvEnd = new VirtAddr(environmentEnd);
        process.Space.AuxiliaryVector = MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(vector)).ToArray();
        return Errno.None;
    }

    /// <summary>A vector up to its end, as <c>/proc/PID/auxv</c> shows it.</summary>
    /// <param name="vector"><see cref="AuxiliaryBytesMax"/> bytes; the last pair becomes the end.</param>
    public static byte[] TrimAuxiliary(byte[] vector)
    {
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(vector.AsSpan());
        words[^2] = (ulong)AuxiliaryType.Null;
        words[^1] = 0;
        int count = 0;
        while (words[count] != (ulong)AuxiliaryType.Null)
        {
            count += 2;
        }

        return vector[..((count + 2) * sizeof(ulong))];
    }

    private static (ulong ArgumentsEnd, ulong EnvironmentEnd) AppendPointers(List<ulong> words, ProgramStrings strings, ulong start)
    {
        int offset = 0;
        for (int i = 0; i < strings.ArgumentCount; i++)
        {
            words.Add(start + (ulong)offset);
            offset += strings.Bytes.AsSpan(offset).IndexOf((byte)0) + 1;
        }

        words.Add(0);
        ulong argumentsEnd = start + (ulong)offset;
        for (int i = 0; i < strings.EnvironmentCount; i++)
        {
            words.Add(start + (ulong)offset);
            offset += strings.Bytes.AsSpan(offset).IndexOf((byte)0) + 1;
        }

        words.Add(0);
        return (argumentsEnd, start + (ulong)offset);
    }

    private static List<ulong> MakeVector(in LoadedProgram program, ulong fileName, ulong platform, ulong randomBytes)
    {
        List<ulong> vector = [];
        void Add(AuxiliaryType type, ulong value) => vector.AddRange([(ulong)type, value]);
        Add(AuxiliaryType.Vdso, program.Vdso.Value);
        Add(AuxiliaryType.MinimumSignalStackBytes, SignalStackBytes);
        Add(AuxiliaryType.HardwareCapabilities, Capabilities);
        Add(AuxiliaryType.PageSize, Pfn.PageSizeBytes);
        Add(AuxiliaryType.ClockTicks, ClockTicks);
        Add(AuxiliaryType.ProgramHeaders, program.ProgramHeaders);
        Add(AuxiliaryType.ProgramHeaderBytes, ElfSegment.SizeBytes);
        Add(AuxiliaryType.ProgramHeaderCount, (ulong)program.ProgramHeaderCount);
        Add(AuxiliaryType.InterpreterBase, program.InterpreterBase);
        Add(AuxiliaryType.Flags, 0);
        Add(AuxiliaryType.Entry, program.Entry);
        Add(AuxiliaryType.Uid, 0);
        Add(AuxiliaryType.EffectiveUid, 0);
        Add(AuxiliaryType.Gid, 0);
        Add(AuxiliaryType.EffectiveGid, 0);
        Add(AuxiliaryType.Secure, 0);
        Add(AuxiliaryType.Random, randomBytes);
        Add(AuxiliaryType.HardwareCapabilities2, 0);
        Add(AuxiliaryType.FileName, fileName);
        Add(AuxiliaryType.Platform, platform);
        Add(AuxiliaryType.RseqFeatureBytes, RseqBytes);
        Add(AuxiliaryType.RseqAlignment, RseqAlignment);
        Add(AuxiliaryType.Null, 0);
        return vector;
    }
}
