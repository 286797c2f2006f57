namespace Engine.Arm64.Kernel;

/// <summary>What an area is, with the numeric values of Linux v6.9 (include/linux/vmalloc.h).</summary>
[Flags]
public enum VmallocFlags : uint
{
    /// <summary>Nothing special.</summary>
    None = 0,

    /// <summary>A device's memory (<c>VM_IOREMAP</c>).</summary>
    IoRemap = 0x1,

    /// <summary>Has pages of its own (<c>VM_ALLOC</c>).</summary>
    Alloc = 0x2,

    /// <summary>Maps pages of someone else (<c>VM_MAP</c>).</summary>
    Map = 0x4,

    /// <summary>May be mapped to user space (<c>VM_USERMAP</c>).</summary>
    UserMap = 0x8,

    /// <summary>Coherent DMA memory (<c>VM_DMA_COHERENT</c>).</summary>
    DmaCoherent = 0x10,

    /// <summary>No guard page behind the area (<c>VM_NO_GUARD</c>).</summary>
    NoGuard = 0x40,

    /// <summary>May use blocks and contiguous runs (<c>VM_ALLOW_HUGE_VMAP</c>).</summary>
    AllowHuge = 0x400,
}
