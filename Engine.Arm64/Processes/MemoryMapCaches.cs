using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Slab;

namespace Engine.Arm64.Processes;

/// <summary>The slab caches that hold what the kernel keeps about address spaces; one set a machine, shared by all processes.</summary>
public sealed class MemoryMapCaches
{
    /// <summary>Creates the caches.</summary>
    /// <param name="pages">Where their slabs come from.</param>
    public MemoryMapCaches(PageAllocator pages)
    {
        Memory = pages.Memory;
        Log = pages.Log;
        Areas = new SlabCache(pages, "vm_area_struct", VmArea.SizeBytes, VmArea.SizeBytes);
        Nodes = new SlabCache(pages, "maple_node", VmAreaNode.SizeBytes, VmAreaNode.SizeBytes);
        MmStructs = new SlabCache(pages, "mm_struct", MmStruct.SizeBytes, MmStruct.AlignmentBytes);
        AnonVmas = new SlabCache(pages, "anon_vma", AnonVma.SizeBytes, AnonVma.SizeBytes);
        AnonVmaChains = new SlabCache(pages, "anon_vma_chain", AnonVmaChain.SizeBytes, AnonVmaChain.SizeBytes);
    }

    /// <summary>The memory that everything lies in.</summary>
    public PhysicalMemory Memory { get; }

    /// <summary>Where inconsistencies are reported.</summary>
    public CorruptionLog Log { get; }

    /// <summary>Of <see cref="VmArea"/>.</summary>
    public SlabCache Areas { get; }

    /// <summary>Of the nodes of <see cref="VmAreaTree"/>.</summary>
    public SlabCache Nodes { get; }

    /// <summary>Of <see cref="MmStruct"/>.</summary>
    public SlabCache MmStructs { get; }

    /// <summary>Of <see cref="AnonVma"/>.</summary>
    public SlabCache AnonVmas { get; }

    /// <summary>Of <see cref="AnonVmaChain"/>.</summary>
    public SlabCache AnonVmaChains { get; }
}
