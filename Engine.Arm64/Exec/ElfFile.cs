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
        _ = ReadHeader(cpu, file, out ElfHeader header);
        elf = null;
        return header.IsLoadable && (file.Modes & MappedFileModes.NoMap) == 0 && TryReadSegments(cpu, file, in header, machine, out elf);
    }

    /// <summary>Reads the headers of a dynamic linker. Whether it can be loaded (<see cref="ElfHeader.IsLoadable"/>) is asked when it is.</summary>
    /// <inheritdoc cref="TryRead" path="/param"/>
    /// <returns>EIO where the file is shorter than a header, ELIBBAD where it is no ELF file for that machine.</returns>
    public static Errno ReadLinker(CpuId cpu, OpenFile file, ushort machine, out ElfFile? elf)
    {
        elf = null;
        Errno errno = ReadHeader(cpu, file, out ElfHeader header);
        return errno != Errno.None ? errno : TryReadSegments(cpu, file, in header, machine, out elf) ? Errno.None : Errno.ELIBBAD;
    }

    /// <summary>The path of the dynamic linker (PT_INTERP); null where the file names none.</summary>
    /// <returns>ENOEXEC where it is no path, EIO where it cannot be read, EINVAL where it lies at no offset.</returns>
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
            Errno errno = Read(cpu, File, segment.FileOffset, bytes);
            if (errno != Errno.None)
            {
                return errno;
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

    private static Errno ReadHeader(CpuId cpu, OpenFile file, out ElfHeader header)
    {
        Span<byte> start = stackalloc byte[ElfHeader.SizeBytes];
        start.Clear();
        Errno errno = Read(cpu, file, 0, start);
        header = MemoryMarshal.Read<ElfHeader>(start);
        return errno;
    }

    private static bool TryReadSegments(CpuId cpu, OpenFile file, in ElfHeader header, ushort machine, out ElfFile? elf)
    {
        elf = null;
        if (!header.IsElf || header.Machine != machine)
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
        if (Read(cpu, file, header.ProgramHeaderOffset, MemoryMarshal.AsBytes(segments.AsSpan())) != Errno.None)
        {
            return false;
        }

        elf = new ElfFile(file, header, segments);
        return true;
    }

    // elf_read
    private static Errno Read(CpuId cpu, OpenFile file, ulong offset, Span<byte> destination)
    {
        if (offset > long.MaxValue - (ulong)destination.Length)
        {
            return Errno.EINVAL;
        }

        bool isRead = file.Mapping.Read(cpu, ref file.Readahead, offset, destination, out int readBytes) == FileIoResult.Done
            && readBytes == destination.Length;
        return isRead ? Errno.None : Errno.EIO;
    }
}
