using Engine.Core.Arena;

namespace Engine.Core.Buddy;

/// <summary>
/// The shape of a 64-ary bitmap over a fixed number of bits: level 0 has a bit an item, each higher level a bit per word below,
/// the top level is one word. A set bit above means a word below that is not zero, so the first set bit is found by one
/// <c>TrailingZeroCount</c> a level.
/// </summary>
internal sealed class BlockTreeShape
{
    /// <summary>Bits of level 0.</summary>
    public readonly int BitCount;

    /// <summary>Words of all levels together.</summary>
    public readonly int WordCount;

    /// <summary>How many levels there are, 1..4.</summary>
    public readonly int LevelCount;

    /// <summary>Where levels 1, 2 and 3 begin, in words; level 0 begins at 0.</summary>
    public readonly int Level1;

    /// <summary>See <see cref="Level1"/>.</summary>
    public readonly int Level2;

    /// <summary>See <see cref="Level1"/>.</summary>
    public readonly int Level3;

    /// <summary>Computes the shape.</summary>
    /// <param name="bitCount">Items, 1..16 Mi: a pageblock each of the widest <see cref="PhysicalMemory"/>.</param>
    public BlockTreeShape(int bitCount)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bitCount, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bitCount, 1 << 24);
        BitCount = bitCount;
        int words = (bitCount + 63) / 64;
        Level1 = words;
        LevelCount = 1;
        WordCount = words;
        while (words > 1)
        {
            words = (words + 63) / 64;
            WordCount += words;
            LevelCount++;
            Level2 = LevelCount == 2 ? WordCount : Level2;
            Level3 = LevelCount == 3 ? WordCount : Level3;
        }
    }
}
