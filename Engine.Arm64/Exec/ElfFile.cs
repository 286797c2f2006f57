using System.Runtime.InteropServices;
using System.Text;
using Engine.Arm64.Processes;
using Engine.Core.PageCache;
using Engine.Core.Units;

namespace Engine.Arm64.Exec;

/// <summary>An ELF file's headers, read through the page cache as the kernel reads them.</summary>
internal sealed class ElfFile
{
    private const int PathMax = 4096;
    private const ulong PageMask = Pfn.PageSizeBytes - 1;

    private ElfFile(OpenFile file, ElfHeader header, ElfSegment[] segments)
    {
        File = file;
        Header = header;
        Segments = segments;
    }

    public OpenFile File { get; }

    public ElfHeader Header { get; }

    public ElfSegment[] Segments { get; }

    /// <summary>Bytes from the first page of all loaded segments to the end of the last (<c>total_mapping_size</c>); 0 where none is loaded.</summary>
    public ulong SpanBytes
    {
        get
        {
            ulong lowest = ulong.MaxValue;
            ulong highest = 0;
            foreach (ElfSegment segment in Segments.Where(segment => segment.IsLoad))
            {
                lowest = Math.Min(lowest, segment.Address & ~PageMask);
                highest = Math.Max(highest, unchecked(segment.Address + segment.MemoryBytes));
            }

            return Segments.Any(segment => segment.IsLoad) ? unchecked(highest - lowest) : 0;
        }
    }

    /// <summary>The strictest alignment of the loaded segments, at least a page (<c>maximum_alignment</c>); 0 where none is a power of two.</summary>
    public ulong Alignment
    {
        get
        {
            ulong strictest = 0;
            foreach (ElfSegment segment in Segments.Where(segment => segment.IsLoad && ulong.IsPow2(segment.Alignment)))
            {
                strictest = Math.Max(strictest, segment.Alignment);
            }

            return unchecked(strictest + PageMask) & ~PageMask;
        }
    }

    /// <summary>Reads the headers.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="file">The file.</param>
    /// <param name="machine">The machine that it must be for (<c>elf_check_arch</c>).</param>
    /// <param name="elf">The headers.</param>
    /// <returns>False where it is no program for that machine.</returns>
    public static bool TryRead(CpuId cpu, OpenFile file, ushort machine, out ElfFile? elf)
    {
        elf = null;
        Span<byte> start = stackalloc byte[ElfHeader.SizeBytes];
        start.Clear();
        _ = Read(cpu, file, 0, start);
        ElfHeader header = MemoryMarshal.Read<ElfHeader>(start);
        if (!header.IsElf || !header.IsLoadable || header.Machine != machine || (file.Modes & MappedFileModes.NoMap) != 0)
        {
            return false;
        }

        // load_elf_phdrs: at most a page of them
        int bytes = ElfSegment.SizeBytes * header.ProgramHeaderCount;
        if (header.ProgramHeaderBytes != ElfSegment.SizeBytes || bytes is 0 or > Pfn.PageSizeBytes)
        {
            return false;
        }

        ElfSegment[] segments = new ElfSegment[header.ProgramHeaderCount];
        if (!Read(cpu, file, header.ProgramHeaderOffset, MemoryMarshal.AsBytes(segments.AsSpan())))
        {
            return false;
        }

        elf = new ElfFile(file, header, segments);
        return true;
    }

    /// <summary>The path of the dynamic linker (PT_INTERP); null where the file names none.</summary>
    /// <returns>ENOEXEC where it is no path, EIO where it cannot be read.</returns>
    public Errno ReadInterpreter(CpuId cpu, out string? path)
    {
        path = null;
        foreach (ElfSegment segment in Segments)
        {
            if (segment.Type != ElfSegment.TypeInterpreter)
            {
                continue;
            }

            if (segment.FileBytes is < 2 or > PathMax)
            {
                return Errno.ENOEXEC;
            }

            byte[] bytes = new byte[segment.FileBytes];
            if (!Read(cpu, File, segment.FileOffset, bytes))
            {
                return Errno.EIO;
            }

            if (bytes[^1] != 0)
            {
                return Errno.ENOEXEC;
            }

            path = Encoding.UTF8.GetString(bytes.AsSpan(0, bytes.AsSpan().IndexOf((byte)0)));
            return Errno.None;
        }

        return Errno.None;
    }

    private static bool Read(CpuId cpu, OpenFile file, ulong offset, Span<byte> destination)
    {
        bool isInFile = offset <= long.MaxValue - (ulong)destination.Length;
        return isInFile
            && file.Mapping.Read(cpu, ref file.Readahead, offset, destination, out int readBytes) == FileIoResult.Done
            && readBytes == destination.Length;
    }
}
