namespace Mmsim.Fuzz;

/// <summary>What one step of a slab sequence does.</summary>
public enum SlabStep
{
    /// <summary>Takes objects from the cache.</summary>
    Allocate,

    /// <summary>Takes objects of a NUMA node from the cache.</summary>
    AllocateOnNode,

    /// <summary>Frees live objects of the cache.</summary>
    Free,

    /// <summary>Frees an object that is free: must be reported where consistency checks are on, and change nothing.</summary>
    FreeTwice,

    /// <summary>Frees an address inside a live object: must be reported, and change nothing.</summary>
    FreeInside,

    /// <summary>Frees what is on no slab: must be reported, and change nothing.</summary>
    FreeForeign,

    /// <summary>Gives memory back.</summary>
    Shrink,

    /// <summary>Takes memory by size, or changes its size.</summary>
    Reallocate,
}
