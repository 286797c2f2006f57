namespace Mmsim.Fuzz;

/// <summary>What one step of a page-allocator sequence does.</summary>
public enum BuddyStep
{
    /// <summary>Allocates a block.</summary>
    Allocate,

    /// <summary>Frees a live block.</summary>
    Free,

    /// <summary>Puts the freeing of a live block off.</summary>
    FreeDeferred,

    /// <summary>Frees a block that was freed before: must be reported, and change nothing.</summary>
    FreeTwice,

    /// <summary>Frees a live block with another order: must be reported, and change nothing.</summary>
    FreeWrongOrder,

    /// <summary>Frees a frame inside a live block: must be reported, and change nothing.</summary>
    FreeTail,

    /// <summary>Frees a frame that boot has taken, or no memory at all: must be reported, and change nothing.</summary>
    FreeReserved,

    /// <summary>Empties the CPU's lists.</summary>
    DrainLocal,

    /// <summary>Empties every CPU's lists.</summary>
    DrainAll,

    /// <summary>The CPU's tick: limits decay.</summary>
    Tick,

    /// <summary>A round of the background worker.</summary>
    Worker,

    /// <summary>Allocates several single frames.</summary>
    Bulk,

    /// <summary>Splits a live block.</summary>
    Split,

    /// <summary>Isolates a pageblock, or ends its isolation.</summary>
    Isolate,

    /// <summary>Allocates a range of frames, moving away what is in it.</summary>
    Range,

    /// <summary>Compacts a zone.</summary>
    Compact,

    /// <summary>Sets <c>min_free_kbytes</c>.</summary>
    MinFree,
}
