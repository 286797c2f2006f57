// The kernel's own map: one tree below TTBR1, the same on every CPU (paging_init in arch/arm64/mm/mmu.c, arch/arm64/kernel/pi/map_kernel.c).
//
//   linear map   every bank at PAGE_OFFSET + (physical - memstart): blocks and contiguous runs where alignment allows, or single pages
//                with rodata=full. A hole in memory is a hole in the map. The image's text and read-only data are read-only here too.
//   image        segment by segment at KIMAGE_VADDR; what only boot needs is unmapped and freed by FreeInit.
//   vmemmap      the frame table, section by section, in blocks.
//   fixmap       the device tree, and single pages by SetFixmap.
//   modules, vmalloc, ioremap: mapped by Vmalloc through the VmallocMapper.
//
// Memory that the kernel map covers is never swapped or moved by itself; frames of user space move below it, and the linear map,
// which has every frame, stays as it is. Linux makes the first of these tables before there is a page allocator; here they are the
// allocator's first pages.

using Engine.Arm64.PageTables;
using Engine.Arm64.Tlb;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel.Map;

/// <summary>The kernel's page tables and what they map.</summary>
public sealed partial class KernelMap : ITlbInvalidator
{
    private const byte FreeInitPoison = 0xcc;

    private readonly PageAllocator pages;
    private readonly PhysicalMemory memory;
    private readonly LinuxTlbFlush flush;
    private readonly RodataMode rodata;
    private readonly ulong memoryStart;

    internal KernelMap(PageAllocator pages, KernelImage image, RodataMode rodata, LinuxTlbFlush flush)
    {
        (this.pages, this.flush, this.rodata) = (pages, flush, rodata);
        memory = pages.Memory;
        Image = image;
        memoryStart = memory.Start.Value & ~(KernelLayout.MemoryStartAlignmentBytes - 1);
        if (!PageTable.TryCreate(pages, Boot, PageTableKind.Kernel, out PageTable? tables))
        {
            throw NoMemory();
        }

        Tables = tables;
        tables.Invalidator = this;
        MapLinear();
        MapImage();
        MapVmemmap();
        MapDeviceTree();
    }

    /// <summary>The tree below TTBR1 (<c>swapper_pg_dir</c>).</summary>
    public PageTable Tables { get; }

    /// <summary>Where the image lies.</summary>
    public KernelImage Image { get; }

    /// <summary>Bytes in its tables, the root among them.</summary>
    public ulong TableBytes => ((ulong)Tables.PageTablePages + 1) << Pfn.PageShift;

    /// <summary>Physical address of the linear map's first byte (<c>memstart_addr</c>).</summary>
    public PhysAddr MemoryStart => new(memoryStart);

    private static CpuId Boot => new(0);

    private MapShapes LinearShapes => rodata == RodataMode.Full ? MapShapes.Pages : MapShapes.Blocks | MapShapes.ContiguousRuns;

    /// <summary>The linear map's address of a byte of memory (<c>__phys_to_virt</c>). It bypasses every protection that a process has put on it.</summary>
    public VirtAddr ToLinear(PhysAddr address) => new(unchecked(address.Value - memoryStart + KernelLayout.PageOffset.Value));

    /// <summary>The byte of memory behind a linear address (<c>__virt_to_phys</c>).</summary>
    /// <returns>False where the address is not linear, or is no RAM.</returns>
    public bool TryToPhysical(VirtAddr address, out PhysAddr physical)
    {
        physical = new PhysAddr(unchecked(address.Value - KernelLayout.PageOffset.Value + memoryStart));
        return KernelLayout.IsLinear(address) && memory.Contains(physical, 1);
    }

    /// <summary>The address of a frame's descriptor (<c>pfn_to_page</c>).</summary>
    public VirtAddr ToPage(Pfn pfn) => KernelLayout.VmemmapStart + ((pfn.Address.Value - memoryStart) / Pfn.PageSizeBytes * Frame.SizeBytes);

    /// <summary>Gives what only boot needs to the page allocator (<c>free_initmem</c>): filled with 0xcc, unmapped from the image, and free.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <returns>Pages freed; 0 where that has been done before.</returns>
    public uint FreeInit(CpuId cpu)
    {
        if (!Image.HasInit)
        {
            return 0;
        }

        PhysAddr start = Image.InitText.Physical;
        ulong length = Image.InitText.LengthBytes + Image.InitData.LengthBytes;
        memory.GetSpan(start, (int)length).Fill(FreeInitPoison);
        Tables.TryUnmap(cpu, Image.InitText.Start, length);
        flush.FlushKernelRange(cpu.Value, Image.InitText.Start, Image.InitText.Start + length);
        Image.ReleaseInit();
        uint count = (uint)(length >> Pfn.PageShift);
        pages.FreeReserved(start.Pfn, count);
        return count;
    }

    /// <summary>Shows a page of memory, or of a device, in a fixmap slot (<c>__set_fixmap</c>).</summary>
    /// <returns>False where the slot is none, or in use, or there is no memory for a table.</returns>
    public bool TrySetFixmap(CpuId cpu, FixmapSlot slot, PhysAddr physical, PageAttributes attributes)
    {
        VirtAddr address = KernelLayout.AddressOf(slot);
        return slot is > FixmapSlot.Hole and < FixmapSlot.Count
            && Tables.MapRange(cpu, address, new PhysAddr(physical.Value & ~(ulong)(Pfn.PageSizeBytes - 1)), Pfn.PageSizeBytes, attributes, MapShapes.Pages) != 0;
    }

    /// <summary>Empties a fixmap slot (<c>clear_fixmap</c>).</summary>
    public void ClearFixmap(CpuId cpu, FixmapSlot slot)
    {
        if (slot is > FixmapSlot.Hole and < FixmapSlot.Count)
        {
            VirtAddr address = KernelLayout.AddressOf(slot);
            Tables.TryUnmap(cpu, address, Pfn.PageSizeBytes);
            flush.FlushKernelRange(cpu.Value, address, address + Pfn.PageSizeBytes);
        }
    }

    /// <summary>
    /// Changes the protection of kernel memory (<c>set_memory_ro</c>, <c>set_memory_x</c>, …). Blocks are split where that is needed, which
    /// Linux v6.9 refuses: it changes areas of single pages alone.
    /// </summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="start">A multiple of 4,096.</param>
    /// <param name="lengthBytes">A multiple of 4,096.</param>
    /// <param name="attributes">The new protection.</param>
    /// <returns>False where there is no memory to split a block.</returns>
    public bool TryProtect(CpuId cpu, VirtAddr start, ulong lengthBytes, PageAttributes attributes)
    {
        bool isDone = Tables.TryProtect(cpu, start, lengthBytes, attributes);
        flush.FlushKernelRange(cpu.Value, start, start + lengthBytes);
        return isDone;
    }

    /// <inheritdoc/>
    public void InvalidateRange(VirtAddr start, ulong lengthBytes, int level) =>
        flush.FlushKernelRange(Boot.Value, start, start + lengthBytes);

    // map_mem(): the image's read-only part apart, so that its protection can change without touching the rest.
    private void MapLinear()
    {
        (PhysAddr first, PhysAddr last) = Image.ReadOnlyPart;
        foreach (MemoryBank bank in memory.Banks)
        {
            bool holdsImage = bank.Start <= first && last <= bank.End;
            if (!holdsImage)
            {
                Map(ToLinear(bank.Start), bank.Start, bank.LengthBytes, PageAttributes.Kernel, LinearShapes);
                continue;
            }

            Map(ToLinear(bank.Start), bank.Start, first - bank.Start, PageAttributes.Kernel, LinearShapes);
            PageAttributes protection = rodata == RodataMode.Off ? PageAttributes.Kernel : PageAttributes.KernelReadOnly;
            Map(ToLinear(first), first, last - first, protection, LinearShapes & ~MapShapes.ContiguousRuns);
            Map(ToLinear(last), last, bank.End - last, PageAttributes.Kernel, LinearShapes);
        }
    }

    // map_kernel(): text and data may use contiguous runs; read-only data and boot's own part change later, so they may not.
    private void MapImage()
    {
        PageAttributes text = rodata == RodataMode.Off ? KernelAttributes.ReadWriteExecute : PageAttributes.KernelReadExecute;
        PageAttributes readOnly = rodata == RodataMode.Off ? PageAttributes.Kernel : PageAttributes.KernelReadOnly;
        Map(Image.Text, text, MapShapes.Blocks | MapShapes.ContiguousRuns);
        Map(Image.Rodata, readOnly, MapShapes.Blocks);
        Map(Image.InitText, text, MapShapes.Blocks);
        Map(Image.InitData, PageAttributes.Kernel, MapShapes.Blocks);
        Map(Image.Data, PageAttributes.Kernel, MapShapes.Blocks | MapShapes.ContiguousRuns);
    }

    // vmemmap_populate(): whole sections that hold memory.
    private void MapVmemmap()
    {
        PhysAddr table = pages.Frames.Region.Start;
        ulong mapped = 0;
        foreach (MemoryBank bank in memory.Banks)
        {
            ulong first = Math.Max(Math.Max(bank.Start.Value & ~(KernelLayout.SectionBytes - 1), memory.Start.Value), mapped);
            mapped = Math.Min((bank.End.Value + KernelLayout.SectionBytes - 1) & ~(KernelLayout.SectionBytes - 1), memory.End.Value);
            ulong offset = (first - memory.Start.Value) / Pfn.PageSizeBytes * Frame.SizeBytes;
            ulong length = (((mapped - first) / Pfn.PageSizeBytes * Frame.SizeBytes) + Pfn.PageSizeBytes - 1) & ~(ulong)(Pfn.PageSizeBytes - 1);
            VirtAddr address = ToPage(new PhysAddr(first).Pfn);
            if (first < mapped)
            {
                Map(address, table + offset, length, PageAttributes.Kernel, MapShapes.Blocks);
            }
        }
    }

    private void MapDeviceTree() =>
        Map(KernelLayout.AddressOf(FixmapSlot.DeviceTree), Image.DeviceTree.Start, Image.DeviceTree.LengthBytes, PageAttributes.KernelReadOnly, MapShapes.Pages);

    private void Map(in KernelSegment segment, PageAttributes attributes, MapShapes shapes) =>
        Map(segment.Start, segment.Physical, segment.LengthBytes, attributes, shapes);

    private void Map(VirtAddr address, PhysAddr start, ulong lengthBytes, PageAttributes attributes, MapShapes shapes)
    {
        if (Tables.MapRange(Boot, address, start, lengthBytes, attributes, shapes) != lengthBytes)
        {
            throw NoMemory();
        }
    }

    private static InsufficientMemoryException NoMemory() => new("the simulated memory has no room for the kernel's page tables");
}
