namespace Engine.Arm64.Tlb;

/// <summary>Which entry of a full set gives way. An unused way is always taken first, the lowest one.</summary>
public enum ReplacementPolicy
{
    /// <summary>The least recently used entry, exactly.</summary>
    Lru,

    /// <summary>
    /// The leaf that a binary tree of bits points to; each use turns the bits on its path away from it.
    /// With a number of ways that is not a power of two the tree is the next larger one, and a branch without ways is not taken.
    /// </summary>
    Plru,

    /// <summary>The entry that was filled first, whether used since or not.</summary>
    Fifo,

    /// <summary>Any entry, by a generator that the seed determines.</summary>
    Random,
}
