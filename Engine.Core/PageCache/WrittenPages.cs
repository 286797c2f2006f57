using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <summary>What the backings that keep written pages in host memory do alike.</summary>
internal static class WrittenPages
{
    /// <summary>The bytes of a page; zeroes where it was never written.</summary>
    public static byte[] Of(Dictionary<ulong, byte[]> pages, ulong index)
    {
        if (!pages.TryGetValue(index, out byte[]? page))
        {
            page = new byte[Pfn.PageSizeBytes];
            pages[index] = page;
        }

        return page;
    }

    /// <summary>Writes a page as far as the file is long: the rest of its last page reads as zero.</summary>
    public static void Write(Dictionary<ulong, byte[]> pages, ulong index, ReadOnlySpan<byte> source, ulong lengthBytes)
    {
        ulong start = index << Pfn.PageShift;
        if (start < lengthBytes)
        {
            byte[] page = Of(pages, index);
            int kept = (int)Math.Min(Pfn.PageSizeBytes, lengthBytes - start);
            source[..kept].CopyTo(page);
            page.AsSpan(kept).Clear();
        }
    }

    /// <summary>Forgets what lies at or above a length in bytes: whole pages go, the rest of the last one becomes zero.</summary>
    public static void CutTo(Dictionary<ulong, byte[]> pages, ulong lengthBytes)
    {
        ulong firstGone = (lengthBytes + Pfn.PageSizeBytes - 1) >> Pfn.PageShift;
        foreach (ulong index in pages.Keys.Where(index => index >= firstGone).ToArray())
        {
            pages.Remove(index);
        }

        int tail = (int)(lengthBytes & (Pfn.PageSizeBytes - 1));
        if (tail != 0 && pages.TryGetValue(lengthBytes >> Pfn.PageShift, out byte[]? last))
        {
            last.AsSpan(tail).Clear();
        }
    }
}
