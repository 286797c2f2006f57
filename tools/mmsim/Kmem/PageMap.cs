// Open addressing with linear probing. The frames of a machine are many and spread, those that a trace holds at a time are few:
// a table of what is live stays in the cache where one with a place for each frame would miss it at every event.
//
// A place is the frame number above the number that it has, which is never zero; zero is an empty place. (The empty place looks
// like frame 0's, with no number: a search for frame 0 that ends there has found what it should.) The table is at most half full. Removing an entry moves those behind it that could not be found over the gap.

using System.Numerics;

namespace Mmsim.Kmem;

/// <summary>A number for each frame of a real machine, zero where none is set.</summary>
internal sealed class PageMap
{
    private const int FirstBits = 14;

    // 2^32 divided by the golden ratio: neighbouring frames go far apart.
    private const uint Spread = 0x9e37_79b1;

    private ulong[] places = new ulong[1 << FirstBits];
    private int shift = 32 - FirstBits;
    private int count;

    /// <summary>The number of a frame.</summary>
    public uint this[uint pfn]
    {
        get
        {
            ulong[] table = places;
            uint mask = (uint)(table.Length - 1);
            for (uint at = Home(pfn, shift); ; at = (at + 1) & mask)
            {
                ulong place = table[at];
                if (place >> 32 == pfn || place == 0)
                {
                    // An empty place is the number zero.
                    return unchecked((uint)place);
                }
            }
        }
    }

    /// <summary>Gives a frame that has none a number.</summary>
    /// <param name="pfn">The frame.</param>
    /// <param name="number">Not zero.</param>
    public void Add(uint pfn, uint number)
    {
        if (++count > places.Length / 2)
        {
            Grow();
        }

        Insert(places, shift, ((ulong)pfn << 32) | number);
    }

    /// <summary>Takes a frame's number away.</summary>
    public void Remove(uint pfn)
    {
        ulong[] table = places;
        uint mask = (uint)(table.Length - 1);
        uint at = Home(pfn, shift);
        for (; table[at] >> 32 != pfn || table[at] == 0; at = (at + 1) & mask)
        {
            if (table[at] == 0)
            {
                return;
            }
        }

        count--;
        for (uint next = (at + 1) & mask; table[next] != 0; next = (next + 1) & mask)
        {
            // What lies at its home or between its home and here stays found when the gap is behind its home.
            uint home = Home((uint)(table[next] >> 32), shift);
            if ((unchecked(next - home) & mask) >= (unchecked(next - at) & mask))
            {
                table[at] = table[next];
                at = next;
            }
        }

        table[at] = 0;
    }

    private static uint Home(uint pfn, int shift) => unchecked(pfn * Spread) >> shift;

    private static void Insert(ulong[] table, int shift, ulong place)
    {
        uint at = Home((uint)(place >> 32), shift);
        while (table[at] != 0)
        {
            at = (at + 1) & (uint)(table.Length - 1);
        }

        table[at] = place;
    }

    private void Grow()
    {
        ulong[] larger = new ulong[places.Length * 2];
        shift = 32 - BitOperations.Log2((uint)larger.Length);
        foreach (ulong place in places)
        {
            if (place != 0)
            {
                Insert(larger, shift, place);
            }
        }

        places = larger;
    }
}
