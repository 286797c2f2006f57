namespace Engine.Core.Slab;

/// <summary>How all slab caches of a machine behave; the kernel's configuration and command line.</summary>
public sealed record SlabOptions
{
    /// <summary>
    /// Whether each CPU keeps a stack of free objects in front of its slab. Linux v6.9 has none: there a free that does not meet the CPU slab
    /// goes to its own slab by a compare-and-swap. Linux 6.18 has the idea as <i>sheaves</i> and <i>barn</i>. Off gives
    /// v6.9's order of addresses exactly.
    /// </summary>
    public bool UseObjectStacks { get; init; } = true;

    /// <summary>Free pointers are stored scrambled, and a free of the object that heads the list is reported (<c>CONFIG_SLAB_FREELIST_HARDENED</c>).</summary>
    public bool HardenedFreeLists { get; init; }

    /// <summary>The freelist of a new slab is in random order (<c>CONFIG_SLAB_FREELIST_RANDOM</c>).</summary>
    public bool RandomFreeLists { get; init; }

    /// <summary>Caches that fit each other share slabs (off: <c>slab_nomerge</c>).</summary>
    public bool MergesCaches { get; init; } = true;

    /// <summary>The debug options of all caches, or of those that <see cref="DebugCaches"/> names (<c>slab_debug=</c>).</summary>
    public SlabFlags Debug { get; init; }

    /// <summary>Names of the caches that get <see cref="Debug"/>, each perhaps ending in <c>*</c>; empty is all.</summary>
    public IReadOnlyList<string> DebugCaches { get; init; } = [];

    /// <summary>Debug option O: no debug options where they would make a cache's slabs larger.</summary>
    public bool DisablesHigherOrderDebug { get; init; }

    /// <summary>Seed of everything random in slab caches.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>What smallest alignment <c>kmalloc</c> gives, in bytes: 8, or 64 on a machine without bounce buffers (arm64).</summary>
    public int KmallocAlignmentBytes { get; init; } = 8;
}
