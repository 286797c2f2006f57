namespace Mmsim.Traces.Pages;

/// <summary>Which 4 KiB pages a trace touches, and how.</summary>
public sealed class PageUse
{
    internal PageUse(PageUseEntry[] entries)
    {
        Entries = entries;
        foreach (PageUseEntry entry in entries)
        {
            Instr += entry.IsFetched ? 1 : 0;
            Data += entry.IsRead || entry.IsWritten ? 1 : 0;
            Read += entry.IsRead ? 1 : 0;
            Written += entry.IsWritten ? 1 : 0;
        }
    }

    /// <summary>The pages by ascending address.</summary>
    public IReadOnlyList<PageUseEntry> Entries { get; }

    /// <summary>Pages with instruction fetches.</summary>
    public long Instr { get; }

    /// <summary>Pages with data accesses.</summary>
    public long Data { get; }

    /// <summary>Pages that are read.</summary>
    public long Read { get; }

    /// <summary>Pages that are written.</summary>
    public long Written { get; }

    /// <summary>All pages.</summary>
    public long Total => Entries.Count;
}
