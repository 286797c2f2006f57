using System.Runtime.InteropServices;
using Engine.Arm64.Processes;

namespace Engine.Arm64.Exec;

/// <summary>A program header (<c>Elf64_Phdr</c>, include/uapi/linux/elf.h). Every field is what the file says: anything.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal readonly struct ElfSegment
{
    public const int SizeBytes = 56;
    public const uint TypeLoad = 1; // PT_LOAD
    public const uint TypeInterpreter = 3; // PT_INTERP
    public const uint TypeStack = 0x6474_e551; // PT_GNU_STACK

    private const uint ExecFlag = 1; // PF_X
    private const uint WriteFlag = 2; // PF_W
    private const uint ReadFlag = 4; // PF_R

    public readonly uint Type;
    public readonly uint Flags;
    public readonly ulong FileOffset;
    public readonly ulong Address;
    public readonly ulong PhysicalAddress;
    public readonly ulong FileBytes;
    public readonly ulong MemoryBytes;
    public readonly ulong Alignment;

    public bool IsLoad => Type == TypeLoad;

    public bool IsExecutable => (Flags & ExecFlag) != 0;

    /// <summary>The protection that it asks for (<c>make_prot</c>).</summary>
    public MemoryProtection Protection =>
        ((Flags & ReadFlag) != 0 ? MemoryProtection.Read : 0)
        | ((Flags & WriteFlag) != 0 ? MemoryProtection.Write : 0)
        | ((Flags & ExecFlag) != 0 ? MemoryProtection.Exec : 0);
}
