using System.Runtime.InteropServices;

namespace Engine.Arm64.Exec;

/// <summary>The header of an ELF file of 64 bits, lowest byte first (<c>Elf64_Ehdr</c>, include/uapi/linux/elf.h).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal readonly struct ElfHeader
{
    public const int SizeBytes = 64;
    public const ushort TypeExecutable = 2; // ET_EXEC
    public const ushort TypeDynamic = 3; // ET_DYN

    private const uint Magic = 0x464c_457f; // "\x7fELF"

    private readonly uint magic;
    private readonly ulong identLow;
    private readonly uint identHigh;

    public readonly ushort Type;
    public readonly ushort Machine;
    public readonly uint Version;
    public readonly ulong Entry;
    public readonly ulong ProgramHeaderOffset;
    public readonly ulong SectionHeaderOffset;
    public readonly uint Flags;
    public readonly ushort HeaderBytes;
    public readonly ushort ProgramHeaderBytes;
    public readonly ushort ProgramHeaderCount;
    private readonly ushort sectionHeaderBytes;
    private readonly ushort sectionHeaderCount;
    private readonly ushort sectionNameIndex;

    /// <summary>Whether it begins as an ELF file does. As in the kernel, class and byte order are not looked at: the machine says both.</summary>
    public bool IsElf => magic == Magic;

    /// <summary>Whether it is a program or a library.</summary>
    public bool IsLoadable => Type is TypeExecutable or TypeDynamic;
}
