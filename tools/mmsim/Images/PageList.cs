using Mmsim.Cli;

namespace Mmsim.Images;

/// <summary>Reads the layout of a page list: an 8-byte little-endian physical address and 4,096 bytes, repeated.</summary>
internal static class PageList
{
    private const int PageBytes = 4096;
    private const int RecordBytes = sizeof(ulong) + PageBytes;

    /// <summary>The pages in the file.</summary>
    /// <exception cref="InputException">The file does not consist of whole records, or an address is not one of a page.</exception>
    public static ImageSegment[] ReadSegments(string path, ImageBytes bytes)
    {
        if (bytes.LengthBytes % RecordBytes != 0)
        {
            throw new InputException(
                path, null, $"{bytes.LengthBytes} bytes are not whole records of {RecordBytes}", "a page list, an ELF core, or FILE@ADDRESS for a raw dump");
        }

        ImageSegment[] pages = new ImageSegment[bytes.LengthBytes / RecordBytes];
        for (int i = 0; i < pages.Length; i++)
        {
            long record = (long)i * RecordBytes;
            ulong start = bytes.ReadUInt64(record);
            if ((start & (PageBytes - 1)) != 0)
            {
                throw new InputException(path, null, $"record {i}: 0x{start:x} is not the address of a page", "a multiple of 4096");
            }

            pages[i] = new ImageSegment(start, PageBytes, record + sizeof(ulong));
        }

        return pages;
    }
}
