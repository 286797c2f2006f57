namespace Mmsim.Readahead;

/// <summary>What a pattern did to the cache, in the words of the recordings' summary.</summary>
public sealed class PatternSummary
{
    /// <summary>Starts at nothing.</summary>
    /// <param name="pattern">The pattern's name.</param>
    public PatternSummary(string pattern) => Pattern = pattern;

    /// <summary>The pattern's name.</summary>
    public string Pattern { get; }

    /// <summary>Accesses made.</summary>
    public long Accesses { get; private set; }

    /// <summary>Accesses that brought anything in.</summary>
    public long AccessesWithAdd { get; private set; }

    /// <summary>Folios that came in.</summary>
    public long FoliosAdded { get; private set; }

    /// <summary>Pages in them.</summary>
    public ulong PagesAdded { get; private set; }

    /// <summary>The largest order among them, -1 where nothing came in.</summary>
    public int OrderMax { get; private set; } = -1;

    /// <summary>Faults that fault-around did not settle.</summary>
    public long Faults { get; set; }

    /// <summary>Rounds of fault-around that mapped pages.</summary>
    public long MapAroundRounds { get; set; }

    /// <summary>The first access whose folios differ from the recorded ones, in words; null where none does.</summary>
    public string? FirstDifference { get; set; }

    /// <summary>Counts an access.</summary>
    public void Count(IReadOnlyList<AddedFolio> added)
    {
        Accesses++;
        AccessesWithAdd += added.Count > 0 ? 1 : 0;
        FoliosAdded += added.Count;
        foreach (AddedFolio folio in added)
        {
            PagesAdded += folio.PageCount;
            OrderMax = Math.Max(OrderMax, folio.Order);
        }
    }
}
