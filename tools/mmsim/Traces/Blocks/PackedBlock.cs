// What the first pass keeps of a block for the second: four bytes a record, cheap to make and to take apart, for both passes
// stand in the way of the simulation.
//
//   31              18 17               6 5      2 1   0
//  +------------------+------------------+--------+-----+
//  | page of the block| offset in page   | size   | kind|
//  +------------------+------------------+--------+-----+
//
// Each block numbers the pages that it touches. The size is a code; a record whose size has none is kept aside as it is, and
// so is a whole block that touches too many pages.

namespace Mmsim.Traces.Blocks;

/// <summary>A block's records as they are kept in memory between two passes.</summary>
internal sealed class PackedBlock
{
    /// <summary>log2 of the most pages that a packed block touches.</summary>
    public const int PagesLog2 = 32 - PageShift;

    /// <summary>Where the page's number begins in a packed record.</summary>
    public const int PageShift = OffsetShift + AccessWord.PageShift;

    /// <summary>Where the offset in the page begins.</summary>
    public const int OffsetShift = SizeShift + 4;

    /// <summary>Where the size's code begins.</summary>
    public const int SizeShift = 2;

    private const uint CodeMask = (1 << (OffsetShift - SizeShift)) - 1;
    private const uint OffsetMask = (1 << AccessWord.PageShift) - 1;

    // By code; 0 is no size. Code 15 of a record that is kept aside does not matter.
    private static readonly ushort[] SizeOfCode = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 16, 32, 64];

    private readonly uint[] chunk;
    private readonly int offset;
    private readonly ulong[] pages;
    private readonly (int Record, ulong Word)[] aside;
    private readonly ulong[]? whole;

    /// <summary>Keeps packed records.</summary>
    /// <param name="chunk">The array that holds them, among others.</param>
    /// <param name="offset">Where they begin there.</param>
    /// <param name="records">How many there are.</param>
    /// <param name="pages">By number: the packed access of size 0 and kind 0 to the page's first byte.</param>
    /// <param name="aside">The records that have no packed form.</param>
    public PackedBlock(uint[] chunk, int offset, int records, ulong[] pages, (int Record, ulong Word)[] aside)
    {
        this.chunk = chunk;
        this.offset = offset;
        Records = records;
        this.pages = pages;
        this.aside = aside;
    }

    /// <summary>Keeps records that cannot be packed as they are.</summary>
    public PackedBlock(ulong[] whole)
        : this([], 0, whole.Length, [], []) => this.whole = whole;

    /// <summary>How many records the block holds.</summary>
    public int Records { get; }

    /// <summary>The code of each size in bytes; 0 where it has none.</summary>
    public static byte[] CreateSizeCodes()
    {
        byte[] codes = new byte[AccessWord.SizeMask + 1];
        for (int code = 1; code < SizeOfCode.Length; code++)
        {
            codes[SizeOfCode[code]] = (byte)code;
        }

        return codes;
    }

    /// <summary>Takes the block apart.</summary>
    /// <param name="words">One element for each record.</param>
    public void Unpack(Span<ulong> words)
    {
        if (whole is not null)
        {
            whole.CopyTo(words);
            return;
        }

        ReadOnlySpan<uint> packed = chunk.AsSpan(offset, Records);
        ReadOnlySpan<ulong> starts = pages;
        ReadOnlySpan<ushort> sizes = SizeOfCode;
        words = words[..packed.Length];
        for (int i = 0; i < packed.Length; i++)
        {
            uint record = packed[i];
            ulong inPage = ((ulong)((record >> OffsetShift) & OffsetMask) << AccessWord.AddressShift) | (record & (uint)AccessWord.KindMask);
            words[i] = starts[(int)(record >> PageShift)] | inPage | ((ulong)sizes[(int)((record >> SizeShift) & CodeMask)] << AccessWord.SizeShift);
        }

        foreach ((int record, ulong word) in aside)
        {
            words[record] = word;
        }
    }
}
