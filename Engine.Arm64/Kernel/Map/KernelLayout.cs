using Engine.Arm64.Units;

namespace Engine.Arm64.Kernel.Map;

/// <summary>
/// Where the kernel's map has what, with 48-bit addresses and 4 KiB pages: the constants of arch/arm64/include/asm/memory.h, pgtable.h and
/// fixmap.h of Linux v6.9, without KASAN. (Its documentation still shows the layout before v6.9.)
/// </summary>
public static class KernelLayout
{
    /// <summary>First address of the linear map (<c>PAGE_OFFSET</c>).</summary>
    public static readonly VirtAddr PageOffset = new(0xffff_0000_0000_0000);

    /// <summary>First address behind the linear map (<c>PAGE_END</c>).</summary>
    public static readonly VirtAddr PageEnd = new(0xffff_8000_0000_0000);

    /// <summary>First address of modules (<c>MODULES_VADDR</c>).</summary>
    public static readonly VirtAddr ModulesStart = new(0xffff_8000_0000_0000);

    /// <summary>First address behind modules (<c>MODULES_END</c>).</summary>
    public static readonly VirtAddr ModulesEnd = new(0xffff_8000_8000_0000);

    /// <summary>First address of the kernel image without KASLR (<c>KIMAGE_VADDR</c>).</summary>
    public static readonly VirtAddr KernelImageStart = ModulesEnd;

    /// <summary>First address of vmalloc (<c>VMALLOC_START</c>).</summary>
    public static readonly VirtAddr VmallocStart = ModulesEnd;

    /// <summary>First address behind vmalloc (<c>VMALLOC_END</c>).</summary>
    public static readonly VirtAddr VmallocEnd = new(0xffff_fdff_bf80_0000);

    /// <summary>First address of the frame table's window (<c>VMEMMAP_START</c>).</summary>
    public static readonly VirtAddr VmemmapStart = new(0xffff_fdff_c000_0000);

    /// <summary>First address behind the frame table's window (<c>VMEMMAP_END</c>).</summary>
    public static readonly VirtAddr VmemmapEnd = new(0xffff_ffff_c000_0000);

    /// <summary>First address of PCI's I/O ports (<c>PCI_IO_START</c>).</summary>
    public static readonly VirtAddr PciIoStart = new(0xffff_ffff_c080_0000);

    /// <summary>First address behind PCI's I/O ports (<c>PCI_IO_END</c>).</summary>
    public static readonly VirtAddr PciIoEnd = new(0xffff_ffff_c180_0000);

    /// <summary>First address behind the fixmap, whose slots are counted downwards (<c>FIXADDR_TOP</c>).</summary>
    public static readonly VirtAddr FixmapTop = new(0xffff_ffff_ff80_0000);

    /// <summary>First address of the fixmap, boot's temporary slots included (<c>FIXADDR_TOT_START</c>).</summary>
    public static readonly VirtAddr FixmapStart = new(0xffff_ffff_ff80_0000 - ((ulong)FixmapSlot.Count << 12));

    /// <summary>What the image's segments are aligned to (<c>SEGMENT_ALIGN</c>).</summary>
    public const ulong SegmentBytes = 64 << 10;

    /// <summary>What the lowest address of the linear map is aligned to (<c>ARM64_MEMSTART_ALIGN</c>): 1 GiB.</summary>
    public const ulong MemoryStartAlignmentBytes = 1UL << 30;

    /// <summary>What the frame table is populated by (<c>SECTION_SIZE_BITS</c>): 128 MiB of memory.</summary>
    public const ulong SectionBytes = 128UL << 20;

    /// <summary>The address of a fixmap slot (<c>fix_to_virt</c>).</summary>
    public static VirtAddr AddressOf(FixmapSlot slot) => new(FixmapTop.Value - ((ulong)slot << 12));

    /// <summary>Whether an address belongs to user space (<c>is_ttbr0_addr</c>): bit 55 is clear.</summary>
    public static bool IsUser(VirtAddr address) => ((address.Value >> 55) & 1) == 0;

    /// <summary>Whether an address lies in the linear map's range (<c>is_lm_address</c>), mapped or not.</summary>
    public static bool IsLinear(VirtAddr address) => address >= PageOffset && address < PageEnd;
}
