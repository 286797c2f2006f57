using Mmsim.Cli;

namespace Mmsim.Images;

/// <summary>One image file: bytes, and which physical addresses they are.</summary>
internal sealed class ImageFile : IDisposable
{
    private readonly ImageBytes bytes;
    private readonly ImageSegment[] segments;
    private int last;

    private ImageFile(ImageBytes bytes, ImageSegment[] segments)
    {
        this.bytes = bytes;
        this.segments = segments;
    }

    /// <summary>The ranges, ascending.</summary>
    public ReadOnlySpan<ImageSegment> Segments => segments;

    /// <summary>Opens <c>FILE</c> (an ELF core or a page list) or <c>FILE@ADDRESS</c> (a raw dump that starts there).</summary>
    /// <exception cref="InputException">The file is missing, damaged or of no known kind.</exception>
    public static ImageFile Open(string spec)
    {
        int at = spec.LastIndexOf('@');
        bool isRaw = at > 0 && !File.Exists(spec);
        string path = isRaw ? spec[..at] : spec;
        ulong rawStart = isRaw ? HexText.Parse(spec[(at + 1)..], $"--image {spec}: the address after @") : 0;
        ImageBytes bytes = OpenBytes(path);
        try
        {
            return new ImageFile(bytes, SegmentsOf(path, bytes, isRaw, rawStart));
        }
        catch (InputException)
        {
            bytes.Dispose();
            throw;
        }
    }

    /// <summary>Reads eight bytes.</summary>
    /// <param name="address">Physical address, a multiple of 8.</param>
    /// <param name="value">What is there.</param>
    /// <returns>False where the file has nothing for the address.</returns>
    public bool TryRead(ulong address, out ulong value)
    {
        int index = Contains(last, address) ? last : Find(address);
        if (index < 0)
        {
            value = 0;
            return false;
        }

        last = index;
        ref readonly ImageSegment segment = ref segments[index];
        value = bytes.ReadUInt64(segment.FileOffset + (long)(address - segment.Start));
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => bytes.Dispose();

    private static ImageBytes OpenBytes(string path)
    {
        using InputFile input = InputFile.Open(path);
        if (input.Head.IsEmpty)
        {
            throw new InputException(path, null, "is empty", "a memory image");
        }

        bool isPlain = path != "-" && input.StoredBytes == new FileInfo(path).Length && IsStoredPlain(path, input.Head);
        return isPlain ? new MappedBytes(path) : new BufferedBytes(input);
    }

    private static bool IsStoredPlain(string path, ReadOnlySpan<byte> head)
    {
        Span<byte> stored = stackalloc byte[16];
        using FileStream file = File.OpenRead(path);
        int count = file.ReadAtLeast(stored, stored.Length, throwOnEndOfStream: false);
        return head.SequenceEqual(stored[..count]);
    }

    private static ImageSegment[] SegmentsOf(string path, ImageBytes bytes, bool isRaw, ulong rawStart)
    {
        if (isRaw)
        {
            ulong length = (ulong)bytes.LengthBytes & ~7UL;
            if ((rawStart & 7) != 0 || rawStart > (1UL << 56) - length)
            {
                throw new InputException(path, null, $"cannot start at 0x{rawStart:x}", "a multiple of 8 below 2^56");
            }

            return [new ImageSegment(rawStart, length, 0)];
        }

        ImageSegment[] found = ElfCore.IsElf(bytes) ? ElfCore.ReadSegments(path, bytes) : PageList.ReadSegments(path, bytes);
        Array.Sort(found, (left, right) => left.Start.CompareTo(right.Start));
        return found;
    }

    private bool Contains(int index, ulong address)
    {
        ref readonly ImageSegment segment = ref segments[index];
        ulong offset = unchecked(address - segment.Start);
        return segment.LengthBytes >= sizeof(ulong) && offset <= segment.LengthBytes - sizeof(ulong);
    }

    private int Find(ulong address)
    {
        int low = 0;
        int high = segments.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            if (segments[middle].Start <= address)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        return high >= 0 && Contains(high, address) ? high : -1;
    }
}
