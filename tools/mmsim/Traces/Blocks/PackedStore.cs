// Packs the records of one thread's blocks and counts their pages on the way: both need to recognise the page of each record,
// by the same small table, which here is emptied for each block and also holds the page's number in the block.
//
//   63      56 55                 16 15  14 13          0
//  +----------+---------------------+------+-------------+
//  | 0        | page (40 bits)      | kind | page number |
//  +----------+---------------------+------+-------------+

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Mmsim.Traces.Pages;

namespace Mmsim.Traces.Blocks;

/// <summary>Keeps the records that one thread parses.</summary>
internal sealed class PackedStore
{
    private const int KnownEntries = 1024;
    private const int ChunkRecords = 1 << 20;
    private const int NumberBits = PackedBlock.PagesLog2;
    private const ulong NumberMask = (1UL << NumberBits) - 1;
    private const ulong NothingKnown = ulong.MaxValue;
    private static readonly byte[] CodeOfSize = PackedBlock.CreateSizeCodes();

    private readonly PageUseCounter counter;
    private readonly ulong[] known = new ulong[KnownEntries];
    private readonly List<ulong> pages = [];
    private readonly List<(int Record, ulong Word)> aside = [];
    private uint[] chunk = [];
    private int used;

    /// <summary>Creates an empty store.</summary>
    /// <param name="counter">Counts the pages.</param>
    public PackedStore(PageUseCounter counter) => this.counter = counter;

    /// <summary>Packs and keeps a block's records, and counts its pages.</summary>
    public PackedBlock Add(ReadOnlySpan<ulong> words, int block)
    {
        if (chunk.Length - used < words.Length)
        {
            chunk = GC.AllocateUninitializedArray<uint>(Math.Max(ChunkRecords, words.Length));
            used = 0;
        }

        Array.Fill(known, NothingKnown);
        pages.Clear();
        aside.Clear();
        if (!TryPack(words, block, chunk.AsSpan(used, words.Length)))
        {
            counter.Add(words, block);
            return new PackedBlock(words.ToArray());
        }

        PackedBlock packed = new(chunk, used, words.Length, [.. pages], [.. aside]);
        used += words.Length;
        return packed;
    }

    private bool TryPack(ReadOnlySpan<ulong> words, int block, Span<uint> packed)
    {
        ref ulong table = ref MemoryMarshal.GetArrayDataReference(known);
        ref byte codes = ref MemoryMarshal.GetArrayDataReference(CodeOfSize);
        ref uint destination = ref MemoryMarshal.GetReference(packed);
        for (int i = 0; i < words.Length; i++)
        {
            // The page with the kind below it: the address bits within the page and the size are cut out.
            ulong word = words[i];
            ulong key = ((word >> (AccessWord.WordPageShift - 2)) & ~AccessWord.KindMask) | (word & AccessWord.KindMask);

            // SAFETY: the index is masked to the table's length, the size to that of the codes; packed is as long as words.
            ulong entry = Unsafe.Add(ref table, (nint)(key & (KnownEntries - 1)));
            if (entry >> NumberBits != key)
            {
                int number = counter.Number(word, block, i, pages);
                if (number > (int)NumberMask)
                {
                    return false;
                }

                entry = (key << NumberBits) | (uint)number;
                Unsafe.Add(ref table, (nint)(key & (KnownEntries - 1))) = entry;
            }

            uint code = Unsafe.Add(ref codes, (nint)((word >> AccessWord.SizeShift) & AccessWord.SizeMask));
            if (code == 0)
            {
                aside.Add((i, word));
            }

            uint offset = (uint)((word >> AccessWord.AddressShift) & ((1 << AccessWord.PageShift) - 1));
            Unsafe.Add(ref destination, i) = ((uint)(entry & NumberMask) << PackedBlock.PageShift)
                | (offset << PackedBlock.OffsetShift) | (code << PackedBlock.SizeShift) | (uint)(word & AccessWord.KindMask);
        }

        return true;
    }
}
