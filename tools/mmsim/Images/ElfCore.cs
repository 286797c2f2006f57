// An ELF core as QEMU's dump-guest-memory and kdump write it: program headers of type LOAD say which physical range
// (p_paddr) lies where in the file. More than 65,534 of them are counted in the first section header (PN_XNUM).

using Mmsim.Cli;

namespace Mmsim.Images;

/// <summary>Reads the layout of an ELF core.</summary>
internal static class ElfCore
{
    private const uint Magic = 0x464C457F;
    private const int Class64 = 2;
    private const int LittleEndian = 1;
    private const int HeaderBytes = 64;
    private const int ProgramHeaderBytes = 56;
    private const int TypeLoad = 1;
    private const uint ExtendedCount = 0xFFFF;
    private const ulong MachineArm64 = 183;

    /// <summary>Whether a file starts as an ELF file does.</summary>
    public static bool IsElf(ImageBytes bytes) => bytes.LengthBytes >= 8 && bytes.ReadUInt32(0) == Magic;

    /// <summary>The physical ranges in the file.</summary>
    /// <exception cref="InputException">The file is cut off, or not a 64-bit little-endian ARM64 core.</exception>
    public static ImageSegment[] ReadSegments(string path, ImageBytes bytes)
    {
        long length = bytes.LengthBytes;
        if (length < HeaderBytes)
        {
            throw new InputException(path, null, "the ELF header is cut off");
        }

        ulong identity = bytes.ReadUInt64(0);
        if (((identity >> 32) & 0xFF) != Class64 || ((identity >> 40) & 0xFF) != LittleEndian || bytes.ReadUInt16(18) != MachineArm64)
        {
            throw new InputException(path, null, "is not an ARM64 core", "64-bit little-endian ELF, machine 183");
        }

        ulong tableOffset = bytes.ReadUInt64(32);
        uint entryBytes = bytes.ReadUInt16(54);
        uint count = CountOf(path, bytes);
        if (entryBytes != ProgramHeaderBytes || (tableOffset & 7) != 0
            || tableOffset > (ulong)length || (ulong)count * ProgramHeaderBytes > (ulong)length - tableOffset)
        {
            throw new InputException(path, null, "the program headers are cut off or damaged", $"{count} of {ProgramHeaderBytes} bytes at {tableOffset}");
        }

        List<ImageSegment> segments = [];
        for (uint i = 0; i < count; i++)
        {
            long header = (long)tableOffset + ((long)i * ProgramHeaderBytes);
            ulong offset = bytes.ReadUInt64(header + 8);
            ulong start = bytes.ReadUInt64(header + 24);
            ulong fileBytes = bytes.ReadUInt64(header + 32);
            if (bytes.ReadUInt32(header) != TypeLoad || fileBytes == 0)
            {
                continue;
            }

            if (offset > (ulong)length || fileBytes > (ulong)length - offset)
            {
                throw new InputException(path, null, $"is cut off: program header {i} needs {fileBytes} bytes at {offset}", $"a file of {length} bytes at most");
            }

            segments.Add(new ImageSegment(start, fileBytes, (long)offset));
        }

        return segments.Count > 0 ? [.. segments] : throw new InputException(path, null, "holds no memory", "program headers of type LOAD");
    }

    private static uint CountOf(string path, ImageBytes bytes)
    {
        uint count = bytes.ReadUInt16(56);
        if (count != ExtendedCount)
        {
            return count;
        }

        ulong section = bytes.ReadUInt64(40);
        const ulong InfoOffset = 44;
        return (section & 7) == 0 && section <= (ulong)bytes.LengthBytes && InfoOffset + 4 <= (ulong)bytes.LengthBytes - section
            ? bytes.ReadUInt32((long)(section + InfoOffset))
            : throw new InputException(path, null, "the section header that counts the program headers is missing");
    }
}
