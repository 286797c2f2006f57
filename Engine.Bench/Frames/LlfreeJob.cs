namespace Engine.Bench.Frames;

/// <summary>What <c>frames_llfree.c</c> is asked to run, by its numbers.</summary>
internal enum LlfreeJob
{
    /// <summary>See <see cref="Frames.RepeatHalf"/>.</summary>
    RepeatHalf = 0,

    /// <summary>See <see cref="BulkPart.Get"/>.</summary>
    BulkGet,

    /// <summary>See <see cref="BulkPart.Put"/>.</summary>
    BulkPut,

    /// <summary>The same, in shuffled order.</summary>
    BulkShuffledPut,

    /// <summary>See <see cref="BulkPart.Both"/>.</summary>
    Bulk,

    /// <summary>The same, and each puts what the other got.</summary>
    Remote,

    /// <summary>See <see cref="RandomReplace"/>.</summary>
    Replace,
}
