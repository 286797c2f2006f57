using Engine.Arm64.Translation;

namespace Engine.Bench.Tlb;

/// <summary>The same hierarchy as lists that are searched from the most recent end, over a dictionary of pages: what one writes first.</summary>
internal sealed class NaiveTlb
{
    private const int FirstEntries = 48;
    private const int SecondWays = 5;
    private const ulong SecondSets = 256;

    private readonly Dictionary<ulong, ulong> pages = [];
    private readonly List<(ulong Page, ulong Frame)> first = [];
    private readonly List<(ulong Page, ulong Frame)>[] second = [.. Enumerable.Range(0, (int)SecondSets).Select(_ => new List<(ulong Page, ulong Frame)>())];

    /// <summary>Maps pages in a row.</summary>
    public NaiveTlb(ulong firstAddress, uint pageCount)
    {
        for (ulong i = 0; i < pageCount; i++)
        {
            pages.Add((firstAddress >> 12) + i, i);
        }
    }

    /// <summary>The physical address.</summary>
    public ulong Translate(Access access)
    {
        ulong address = access.Address.ToUInt64();
        return (Find(address >> 12) << 12) | (address & 0xFFF);
    }

    private ulong Find(ulong page)
    {
        if (TryUse(first, page, out ulong frame))
        {
            return frame;
        }

        List<(ulong Page, ulong Frame)> set = second[page % SecondSets];
        if (!TryUse(set, page, out frame))
        {
            frame = pages[page];
            Add(set, SecondWays, page, frame);
        }

        Add(first, FirstEntries, page, frame);
        return frame;
    }

    private static bool TryUse(List<(ulong Page, ulong Frame)> entries, ulong page, out ulong frame)
    {
        for (int i = entries.Count - 1; i >= 0; i--)
        {
            if (entries[i].Page == page)
            {
                frame = entries[i].Frame;
                entries.RemoveAt(i);
                entries.Add((page, frame));
                return true;
            }
        }

        frame = 0;
        return false;
    }

    private static void Add(List<(ulong Page, ulong Frame)> entries, int most, ulong page, ulong frame)
    {
        if (entries.Count == most)
        {
            entries.RemoveAt(0);
        }

        entries.Add((page, frame));
    }
}
