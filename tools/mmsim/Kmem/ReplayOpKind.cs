namespace Mmsim.Kmem;

/// <summary>What a step of the replay does.</summary>
internal enum ReplayOpKind : byte
{
    /// <summary>Allocate a block into a slot.</summary>
    Alloc = 0,

    /// <summary>Free a slot's block.</summary>
    Free,

    /// <summary>Split a slot's block into single pages with slots of their own.</summary>
    Split,
}
