namespace Engine.Arm64.Kernel;

/// <summary>What an area without a <see cref="VmStruct"/> is, with the numeric values of Linux v6.9 (mm/vmalloc.c).</summary>
[Flags]
internal enum VmapAreaFlags : uint
{
    /// <summary>Nothing special.</summary>
    None = 0,

    /// <summary>Maps pages for <c>vm_map_ram</c> (<c>VMAP_RAM</c>).</summary>
    Ram = 1,

    /// <summary>Shared by several such mappings (<c>VMAP_BLOCK</c>).</summary>
    Block = 2,
}
