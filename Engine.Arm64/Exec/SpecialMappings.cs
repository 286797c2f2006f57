using System.Buffers.Binary;
using Engine.Core.PageCache;
using Engine.Core.Units;

namespace Engine.Arm64.Exec;

/// <summary>
/// The kernel's pages that every program gets: the vDSO and its data (arch/arm64/kernel/vdso.c). They are pages of an in-memory file each, kept for as long as
/// the machine lives. No instruction is simulated, so the vDSO is an ELF header without segments.
/// </summary>
internal sealed class SpecialMappings
{
    /// <summary>Pages of <c>[vvar]</c>: the data page and that of time namespaces.</summary>
    public const int DataPages = 2;

    /// <summary>Pages of <c>[vdso]</c>.</summary>
    public const int CodePages = 2;

    private SpecialMappings(OpenFile data, OpenFile code)
    {
        Data = data;
        Code = code;
    }

    /// <summary><c>[vvar]</c></summary>
    public OpenFile Data { get; }

    /// <summary><c>[vdso]</c></summary>
    public OpenFile Code { get; }

    /// <summary>Makes the pages.</summary>
    /// <returns>Null where there is no memory.</returns>
    public static SpecialMappings? TryCreate(Machine machine, CpuId cpu)
    {
        OpenFile? data = machine.Files.TryOpenSpecial(cpu, "[vvar]", new MemoryBacking(DataPages * (ulong)Pfn.PageSizeBytes));
        OpenFile? code = machine.Files.TryOpenSpecial(cpu, "[vdso]", new MemoryBacking(MakeCode()));
        return data is not null && code is not null && TryKeep(machine, cpu, data, DataPages) && TryKeep(machine, cpu, code, CodePages)
            ? new SpecialMappings(data, code)
            : null;
    }

    // A reference beside the page cache's own keeps each page where it is.
    private static bool TryKeep(Machine machine, CpuId cpu, OpenFile file, int pageCount)
    {
        byte[] all = new byte[pageCount * Pfn.PageSizeBytes];
        if (file.Mapping.Read(cpu, ref file.Readahead, 0, all, out int readBytes) != FileIoResult.Done || readBytes != all.Length)
        {
            return false;
        }

        for (ulong index = 0; index < (ulong)pageCount; index++)
        {
            if (!file.Mapping.TryFind(index, out Pfn page))
            {
                return false;
            }

            machine.PageCache.Get(page);
        }

        return true;
    }

    private static byte[] MakeCode()
    {
        byte[] code = new byte[CodePages * Pfn.PageSizeBytes];
        ((ReadOnlySpan<byte>)[0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1]).CopyTo(code);
        BinaryPrimitives.WriteUInt16LittleEndian(code.AsSpan(16), ElfHeader.TypeDynamic);
        BinaryPrimitives.WriteUInt16LittleEndian(code.AsSpan(18), ExecOptions.Aarch64);
        BinaryPrimitives.WriteUInt32LittleEndian(code.AsSpan(20), 1);
        BinaryPrimitives.WriteUInt16LittleEndian(code.AsSpan(52), ElfHeader.SizeBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(code.AsSpan(54), ElfSegment.SizeBytes);
        return code;
    }
}
