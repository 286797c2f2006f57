// A file of any length whose content needs no storage: each aligned 8-byte word is a mix of the seed and the word's
// place in the file (the finaliser of SplitMix64), so that a reader can tell whose byte it sees and where it belongs.
// What is written goes to an overlay in host memory; holes are kept as ranges, however long.

using System.Runtime.InteropServices;
using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <summary>A file whose content is computed from a seed.</summary>
public sealed class SynthesizedBacking : IBackingStore
{
    private const int WordsPerPage = Pfn.PageSizeBytes / sizeof(ulong);

    private readonly ulong seed;
    private readonly Dictionary<ulong, byte[]> overlay = [];

    // Ranges of pages that read as zero where the overlay has none, ascending and apart.
    private readonly List<(ulong First, ulong End)> holes = [];

    // Content is synthesised below this byte only: what was cut off and added again reads as zero.
    private ulong synthesizedBytes;

    /// <summary>Creates a file.</summary>
    /// <param name="seed">Files with different seeds have different content.</param>
    /// <param name="lengthBytes">Bytes in the file.</param>
    public SynthesizedBacking(ulong seed, ulong lengthBytes)
    {
        this.seed = seed;
        LengthBytes = lengthBytes;
        synthesizedBytes = lengthBytes;
    }

    /// <inheritdoc/>
    public ulong LengthBytes { get; private set; }

    /// <inheritdoc/>
    public bool IsPersistent => true;

    /// <summary>The synthesised word at a place: what an untouched file holds there.</summary>
    /// <param name="seed">The file's seed.</param>
    /// <param name="wordIndex">Place in the file, in words of 8 bytes.</param>
    public static ulong WordAt(ulong seed, ulong wordIndex)
    {
        unchecked
        {
            ulong z = (seed * 0x9E3779B97F4A7C15) + ((wordIndex + 1) * 0xD1B54A32D192ED03);
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return z ^ (z >> 31);
        }
    }

    /// <inheritdoc/>
    public bool ReadPage(ulong pageIndex, Span<byte> destination)
    {
        if (overlay.TryGetValue(pageIndex, out byte[]? page))
        {
            page.CopyTo(destination);
            return true;
        }

        Synthesize(pageIndex, destination[..Pfn.PageSizeBytes]);
        return true;
    }

    /// <inheritdoc/>
    public bool WritePage(ulong pageIndex, ReadOnlySpan<byte> source)
    {
        WrittenPages.Write(overlay, pageIndex, source, LengthBytes);
        return true;
    }

    /// <inheritdoc/>
    public bool Resize(ulong lengthBytes)
    {
        if (lengthBytes < LengthBytes)
        {
            WrittenPages.CutTo(overlay, lengthBytes);
            synthesizedBytes = Math.Min(synthesizedBytes, lengthBytes);
        }

        LengthBytes = lengthBytes;
        return true;
    }

    /// <inheritdoc/>
    public bool PunchHole(ulong firstPage, ulong pageCount)
    {
        ulong pagesInFile = (LengthBytes + Pfn.PageSizeBytes - 1) >> Pfn.PageShift;
        ulong end = firstPage + Math.Min(pageCount, pagesInFile - Math.Min(firstPage, pagesInFile));
        if (end == firstPage)
        {
            return true;
        }

        foreach (ulong index in overlay.Keys.Where(index => index >= firstPage && index < end).ToArray())
        {
            overlay.Remove(index);
        }

        // Holes that touch the new one become part of it.
        int at = holes.FindIndex(hole => hole.End >= firstPage);
        at = at < 0 ? holes.Count : at;
        int past = holes.FindIndex(at, hole => hole.First > end);
        past = past < 0 ? holes.Count : past;
        (ulong First, ulong End) merged = at == past
            ? (firstPage, end)
            : (Math.Min(firstPage, holes[at].First), Math.Max(end, holes[past - 1].End));
        holes.RemoveRange(at, past - at);
        holes.Insert(at, merged);
        return true;
    }

    private bool IsInHole(ulong pageIndex)
    {
        foreach ((ulong first, ulong end) in holes)
        {
            if (end > pageIndex)
            {
                return first <= pageIndex;
            }
        }

        return false;
    }

    private void Synthesize(ulong pageIndex, Span<byte> destination)
    {
        ulong start = pageIndex << Pfn.PageShift;
        if (start >= synthesizedBytes || IsInHole(pageIndex))
        {
            destination.Clear();
            return;
        }

        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(destination);
        ulong firstWord = pageIndex * WordsPerPage;
        for (int i = 0; i < words.Length; i++)
        {
            words[i] = WordAt(seed, firstWord + (uint)i);
        }

        int kept = (int)Math.Min(Pfn.PageSizeBytes, synthesizedBytes - start);
        destination[kept..].Clear();
    }
}
