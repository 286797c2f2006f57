using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <summary>What the backings that keep written pages in host memory do alike.</summary>
internal static class WrittenPages
{
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
