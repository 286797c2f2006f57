using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Core.Buddy;

/// <summary>A 64-ary bitmap in the arena (<see cref="BlockTreeShape"/>): which pageblocks have a free block of one order and type.</summary>
internal readonly unsafe struct BlockTree
{
    private readonly ulong* words;
    private readonly BlockTreeShape shape;

    /// <summary>A view of a tree.</summary>
    /// <param name="words">Its words; the caller has reserved <see cref="BlockTreeShape.WordCount"/> of them in the arena.</param>
    /// <param name="shape">Its shape.</param>
    public BlockTree(ulong* words, BlockTreeShape shape)
    {
        this.words = words;
        this.shape = shape;
    }

    /// <summary>Whether a bit is set.</summary>
    public bool Contains(int bit) => (words[bit >> 6] & (1UL << bit)) != 0;

    /// <summary>Sets or clears a bit below <see cref="BlockTreeShape.BitCount"/>.</summary>
    /// <param name="bit">Which.</param>
    /// <param name="value">1 or 0.</param>
    /// <returns>Whether the whole tree was empty before a bit was set, or is after one was cleared.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Assign(int bit, uint value)
    {
        // SAFETY: callers pass a pageblock of the zone, below BitCount; each level's index then lies within that level.
        ulong* word = words + (bit >> 6);
        ulong old = *word;
        ulong now = (old & ~(1UL << bit)) | ((ulong)value << bit);
        *word = now;
        return (old == 0 || now == 0) && (shape.LevelCount == 2 ? AssignTop(bit >> 6, value) : shape.LevelCount == 1 || AssignAbove(bit >> 6, value));
    }

    /// <summary>The lowest set bit, or -1 when no path from the top leads to one. What the arena holds may be garbage: the result is below BitCount.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int FindFirst()
    {
        int index = 0;
        if (shape.LevelCount > 1)
        {
            index = shape.LevelCount == 2 ? BitOperations.TrailingZeroCount(words[shape.Level1]) : FindFirstAbove();
            if (unchecked((uint)index) >= (uint)shape.Level1)
            {
                return -1;
            }
        }

        // SAFETY: index is below Level1, the number of words of level 0.
        ulong word = words[index];
        int bit = (index << 6) + BitOperations.TrailingZeroCount(word);
        return word == 0 || bit >= shape.BitCount ? -1 : bit;
    }

    /// <summary>The lowest set bit at or above <paramref name="from"/>, or -1. Walks level 0; for scanners, not for the fast path.</summary>
    public int FindNext(int from)
    {
        if (from >= shape.BitCount)
        {
            return -1;
        }

        int index = from >> 6;
        ulong word = words[index] & (ulong.MaxValue << from);
        while (word == 0)
        {
            if (++index >= shape.Level1)
            {
                return -1;
            }

            word = words[index];
        }

        int bit = (index << 6) + BitOperations.TrailingZeroCount(word);
        return bit < shape.BitCount ? bit : -1;
    }

    /// <summary>Whether each level says what the level below holds; for <c>Verify</c>.</summary>
    public bool IsConsistent()
    {
        int below = 0;
        for (int level = 1; level < shape.LevelCount; level++)
        {
            int start = LevelStart(level);
            for (int i = 0; i < start - below; i++)
            {
                bool isSet = (words[start + (i >> 6)] & (1UL << i)) != 0;
                if (isSet != (words[below + i] != 0))
                {
                    return false;
                }
            }

            below = start;
        }

        return true;
    }

    /// <summary>Recomputes the upper levels from level 0: what heals a tree whose path led nowhere.</summary>
    /// <returns>Whether the tree is empty.</returns>
    public bool Rebuild()
    {
        int below = 0;
        for (int level = 1; level < shape.LevelCount; level++)
        {
            int start = LevelStart(level);
            int belowCount = start - below;
            new Span<ulong>(words + start, (belowCount + 63) / 64).Clear();
            for (int i = 0; i < belowCount; i++)
            {
                if (words[below + i] != 0)
                {
                    words[start + (i >> 6)] |= 1UL << i;
                }
            }

            below = start;
        }

        // Bits past the end name no pageblock; they could only have come from a flipped bit.
        if ((shape.BitCount & 63) != 0)
        {
            words[shape.Level1 - 1] &= (1UL << shape.BitCount) - 1;
        }

        return words[shape.WordCount - 1] == 0;
    }

    private int LevelStart(int level) => level switch { 0 => 0, 1 => shape.Level1, 2 => shape.Level2, _ => shape.Level3 };

    // The one word above, in a tree of two levels: a zone of up to 8 GiB.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool AssignTop(int index, uint value)
    {
        ulong* word = words + shape.Level1;
        ulong old = *word;
        ulong now = (old & ~(1UL << index)) | ((ulong)value << index);
        *word = now;
        return old == 0 || now == 0;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool AssignAbove(int index, uint value)
    {
        for (int level = 1; level < shape.LevelCount; level++)
        {
            ulong* word = words + LevelStart(level) + (index >> 6);
            ulong old = *word;
            ulong now = (old & ~(1UL << index)) | ((ulong)value << index);
            *word = now;
            if (old != 0 && now != 0)
            {
                return false;
            }

            index >>= 6;
        }

        return true;
    }

    // From the top word down to the index of a word of level 0. A level's word count bounds each index.
    private int FindFirstAbove()
    {
        int index = 0;
        for (int level = shape.LevelCount - 1; level >= 1; level--)
        {
            int start = LevelStart(level);
            int count = (level == shape.LevelCount - 1 ? shape.WordCount : LevelStart(level + 1)) - start;
            if (index >= count || words[start + index] == 0)
            {
                return -1;
            }

            index = (index << 6) + BitOperations.TrailingZeroCount(words[start + index]);
        }

        return index;
    }
}
