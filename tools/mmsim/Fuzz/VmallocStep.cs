namespace Mmsim.Fuzz;

/// <summary>What one step of a vmalloc sequence does.</summary>
public enum VmallocStep
{
    /// <summary>Takes an area with pages.</summary>
    Allocate,

    /// <summary>Takes an area that may use blocks.</summary>
    AllocateHuge,

    /// <summary>Maps a device's range.</summary>
    MapDevice,

    /// <summary>Gives an area back.</summary>
    Free,

    /// <summary>Frees an address that is no area's first: must be reported, and change nothing.</summary>
    FreeBad,

    /// <summary>Flushes what was lazily freed.</summary>
    Purge,

    /// <summary>Maps frames for a short time.</summary>
    MapRam,

    /// <summary>Takes such a mapping away.</summary>
    UnmapRam,

    /// <summary>Takes away what is no such mapping: must be reported, and change nothing.</summary>
    UnmapRamBad,

    /// <summary>Takes an area while there is no memory for page tables: must fail and change nothing.</summary>
    AllocateWithoutTables,
}
