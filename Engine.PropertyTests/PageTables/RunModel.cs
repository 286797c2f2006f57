using Engine.Arm64.Translation;

namespace Engine.PropertyTests.PageTables;

/// <summary>Linux's rules of contiguous runs over a dictionary from page number to descriptor. A bug may be planted in it.</summary>
internal sealed class RunModel(int runPages, int framesPerPage, Func<uint, bool> isFolioFrame, PlantedRunBug bug)
{
    private const ulong ContiguousBit = 1UL << 52;

    public Dictionary<int, Descriptor> Pages { get; } = [];

    /// <summary>Runs whose entries were replaced, by their first page.</summary>
    public List<int> Converted { get; } = [];

    public void Set(int page, Descriptor descriptor)
    {
        Unfold(page);
        Pages[page] = descriptor;
        Fold(page);
    }

    public void SetMany(int page, Descriptor first, int count)
    {
        if (count == 1)
        {
            Set(page, first);
            return;
        }

        for (int i = 0; i < count; i++)
        {
            int run = (page + i) / runPages * runPages;
            Descriptor runFirst = Advance(first, run - page);
            bool isRun = first.IsValid && run >= page && run + runPages <= page + count && FrameOf(runFirst) % (ulong)(runPages * framesPerPage) == 0;
            Descriptor own = Advance(first, i);
            Pages[page + i] = isRun ? new Descriptor(own.ToUInt64() | ContiguousBit) : own;
        }
    }

    public int Clear(int page, int count)
    {
        UnfoldEdges(page, count);
        return Enumerable.Range(page, count).Count(Pages.Remove);
    }

    public bool ClearYoung(int page)
    {
        bool isYoung = false;
        foreach (int member in Members(page))
        {
            isYoung |= Pages.TryGetValue(member, out Descriptor entry) && entry.IsYoung;
            Change(member, old => old.MakeOld());
        }

        return isYoung;
    }

    public void WriteProtect(int page, int count)
    {
        UnfoldEdges(page, count);
        ForPresent(page, count, old => old.WriteProtect());
    }

    public void Mark(int page, int count, Func<Descriptor, Descriptor> change)
    {
        UnfoldEdges(page, count);
        ForPresent(page, count, change);
    }

    public void Protect(int page, int count, PageAttributes attributes)
    {
        UnfoldEdges(page, count);
        ForPresent(page, count, old => old.Modify(attributes));
        ForPresent(page, count, old => old.IsValid ? old : new Descriptor(old.ToUInt64() & ~ContiguousBit));
        foreach (int member in Enumerable.Range(page, count).Where(member => Pages.TryGetValue(member, out Descriptor entry) && entry.IsValid && !entry.IsContiguous))
        {
            Fold(member);
        }
    }

    /// <summary>A fault sets the access flag, or makes a writable page dirty, or makes the page writable.</summary>
    public void SetAccess(int page, Descriptor wanted)
    {
        if (!Pages.TryGetValue(page, out Descriptor own) || Gathered(page).MakeNonContiguous() == wanted.MakeNonContiguous())
        {
            return;
        }

        if (own.IsWritable != wanted.IsWritable)
        {
            Unfold(page);
        }

        const ulong Added = (1UL << 10) | (1UL << 51) | (1UL << 55);
        foreach (int member in Members(page))
        {
            Change(member, old => new Descriptor((old.ToUInt64() | (wanted.ToUInt64() & Added)) & (wanted.IsReadOnly ? ulong.MaxValue : ~(1UL << 7))));
        }
    }

    public Descriptor Gathered(int page)
    {
        Descriptor entry = Pages.GetValueOrDefault(page);
        if (!entry.IsValid || !entry.IsContiguous)
        {
            return entry;
        }

        foreach (Descriptor member in Members(page).Select(member => Pages.GetValueOrDefault(member)))
        {
            entry = member.IsDirty ? entry.MakeDirty() : entry;
            entry = member.IsYoung ? entry.MakeYoung() : entry;
        }

        return entry;
    }

    // The whole run where the page is in one, else the page.
    private IEnumerable<int> Members(int page) =>
        Pages.TryGetValue(page, out Descriptor entry) && entry.IsValid && entry.IsContiguous
            ? Enumerable.Range(page / runPages * runPages, runPages)
            : [page];

    private void Fold(int page)
    {
        if (page % runPages != runPages - 1)
        {
            return;
        }

        Descriptor last = Pages[page];
        int first = page - runPages + 1;
        ulong firstFrame = FrameOf(last) - (ulong)((runPages - 1) * framesPerPage);
        bool isAligned = FrameOf(last) >= (ulong)((runPages - 1) * framesPerPage) && firstFrame % (ulong)(runPages * framesPerPage) == 0;
        bool isWhole = Enumerable.Range(first, runPages).All(member =>
            Pages.TryGetValue(member, out Descriptor entry) && entry.MakeClean().MakeOld() == Advance(last, member - page).MakeClean().MakeOld());
        bool isFolio = bug == PlantedRunBug.FoldsAcrossFolios || isFolioFrame((uint)firstFrame);
        if (isAligned && isWhole && isFolio && last.IsValid && !last.IsContiguous && !last.IsSpecial)
        {
            Convert(first, Advance(last, first - page).MakeContiguous());
        }
    }

    private void Unfold(int page)
    {
        if (Pages.TryGetValue(page, out Descriptor entry) && entry.IsValid && entry.IsContiguous)
        {
            int first = page / runPages * runPages;
            Convert(first, Advance(entry, first - page).MakeNonContiguous());
        }
    }

    private void UnfoldEdges(int page, int count)
    {
        foreach (int edge in (int[])[page, page + count - 1])
        {
            int first = edge / runPages * runPages;
            if ((first < page || first + runPages > page + count) && bug != PlantedRunBug.KeepsPartialRuns)
            {
                Unfold(edge);
            }
        }
    }

    private void Convert(int first, Descriptor entry)
    {
        bool isDirty = Enumerable.Range(first, runPages).Any(member => Pages[member].IsDirty);
        bool isYoung = Enumerable.Range(first, runPages).Any(member => Pages[member].IsYoung);
        entry = isDirty ? entry.MakeDirty() : entry;
        entry = isYoung && bug != PlantedRunBug.LosesAccessFlags ? entry.MakeYoung() : entry;
        for (int i = 0; i < runPages; i++)
        {
            Pages[first + i] = Advance(entry, i);
        }

        Converted.Add(first);
    }

    private void ForPresent(int page, int count, Func<Descriptor, Descriptor> change)
    {
        foreach (int member in Enumerable.Range(page, count).Where(member => Pages.TryGetValue(member, out Descriptor entry) && entry.IsPresent))
        {
            Change(member, change);
        }
    }

    private void Change(int page, Func<Descriptor, Descriptor> change)
    {
        if (Pages.TryGetValue(page, out Descriptor entry))
        {
            Pages[page] = change(entry);
        }
    }

    private Descriptor Advance(Descriptor entry, int pages) =>
        new(unchecked(entry.ToUInt64() + ((ulong)((long)pages * framesPerPage) << 12)));

    private static ulong FrameOf(Descriptor entry) => entry.OutputAddress.ToUInt64() >> 12;
}
