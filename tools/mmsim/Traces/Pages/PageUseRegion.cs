using Engine.Arm64.Translation;

namespace Mmsim.Traces.Pages;

/// <summary>The use of 512 pages that follow each other.</summary>
internal sealed class PageUseRegion
{
    /// <summary>log2 of <see cref="Pages"/>.</summary>
    public const int PagesLog2 = 9;

    /// <summary>Pages in a region.</summary>
    public const int Pages = 1 << PagesLog2;

    // A bit for each access kind that was seen.
    private readonly byte[] seen = new byte[Pages];
    private readonly PageUseStamps[] stamps = new PageUseStamps[Pages];

    // The page's number in the block that it was last numbered in: block << 32 | number.
    private readonly long[] numbers = new long[Pages];

    /// <summary>Creates a region of which no page has been used.</summary>
    /// <param name="number">Its first page's number / 512.</param>
    public PageUseRegion(long number)
    {
        Number = number;
        Array.Fill(stamps, PageUseStamps.Unused);
        Array.Fill(numbers, -1);
    }

    /// <summary>Number of its first page / 512; negative in the upper half of the address space.</summary>
    public long Number { get; }

    /// <summary>The pages that have been used.</summary>
    public IEnumerable<(long Page, PageUseStamps Stamps)> Touched =>
        Enumerable.Range(0, Pages).Where(page => seen[page] != 0).Select(page => ((Number << PagesLog2) + page, stamps[page]));

    /// <summary>Notes a use. Uses come in the order of their stamps.</summary>
    public void Add(int page, AccessKind kind, long stamp)
    {
        int bit = 1 << (int)kind;
        if ((seen[page] & bit) == 0)
        {
            seen[page] |= (byte)bit;
            stamps[page] = PageUseStamps.Earliest(stamps[page], PageUseStamps.Of(kind, stamp));
        }
    }

    /// <summary>Finds the page's number in a block.</summary>
    public bool TryGetNumber(int page, int block, out int number)
    {
        number = unchecked((int)numbers[page]);
        return numbers[page] >> 32 == block;
    }

    /// <summary>Gives the page a number in a block.</summary>
    public void SetNumber(int page, int block, int number) => numbers[page] = ((long)block << 32) | (uint)number;
}
