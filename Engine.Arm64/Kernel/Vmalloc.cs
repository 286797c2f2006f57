// Kernel addresses for memory that need not be physically contiguous (mm/vmalloc.c, Linux v6.9).
//
// An area is its pages and a guard page that is never mapped. Free ranges are a tree by address; the lowest that fits wins.
// vfree unmaps at once but keeps the range aside (lazy): a TLB may still hold its pages. When enough pages are
// aside, one flush serves them all, and the ranges become free: short ones go to a pool by length first, from which the
// next area of that length takes the one freed last; a quarter of each pool goes back to the tree at each purge.
//
// All state lies in the arena: areas and their uses as slab objects, the rest in one kmalloc object. Page tables and TLBs are
// reached through IVmallocMapper. Files: this one has the calls; Ram those for a short time; Space the ranges; Pages the frames;
// Info the reports.

using Engine.Arm64.Units;
using Engine.Core.Arena;
using Engine.Core.Diagnostics;
using Engine.Core.Slab;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel;

/// <summary>The allocator of kernel address ranges, with their pages: <c>vmalloc</c>, <c>vmap</c>, <c>ioremap</c>.</summary>
public sealed partial class Vmalloc
{
    /// <summary>The first address (<c>VMALLOC_START</c>, 48-bit addresses).</summary>
    public static readonly VirtAddr DefaultStart = new(0xffff_8000_8000_0000);

    /// <summary>The first address behind the range (<c>VMALLOC_END</c>, 48-bit addresses).</summary>
    public static readonly VirtAddr DefaultEnd = new(0xffff_fdff_bf80_0000);

    private const ulong PageBytes = Pfn.PageSizeBytes;
    private const int PageShift = Pfn.PageShift;
    private const int ContiguousShift = 16;
    private const int BlockShift = 21;
    private const int IoRemapShiftMax = 30;

    private readonly Lock gate = new();
    private readonly SlabSystem slabs;
    private readonly PhysicalMemory memory;
    private readonly IVmallocMapper mapper;
    private readonly SlabCache areas;
    private readonly VmapTree free;
    private readonly VmapTree busy;
    private readonly PhysAddr statePlace;
    private readonly PhysAddr[] poolPlaces;
    private readonly VirtAddr start;
    private readonly VirtAddr end;

    // Where areas go whose caller names no range (VMALLOC_START to VMALLOC_END).
    private readonly VmallocRange wholeRange;

    /// <summary>Boots the allocator over an empty range.</summary>
    /// <param name="slabs">Where its structures come from.</param>
    /// <param name="mapper">The kernel's page tables.</param>
    public Vmalloc(SlabSystem slabs, IVmallocMapper mapper)
        : this(slabs, mapper, DefaultStart, DefaultEnd)
    {
    }

    /// <summary>Boots the allocator over an empty range.</summary>
    /// <param name="slabs">Where its structures come from.</param>
    /// <param name="mapper">The kernel's page tables.</param>
    /// <param name="start">First address; a multiple of 4,096.</param>
    /// <param name="end">First address behind the range.</param>
    /// <exception cref="InsufficientMemoryException">No memory for the first structures.</exception>
    public Vmalloc(SlabSystem slabs, IVmallocMapper mapper, VirtAddr start, VirtAddr end)
        : this(slabs, mapper, start, end, start)
    {
    }

    /// <summary>Boots the allocator over an empty range, the lower part of which only <see cref="TryAllocateIn"/> uses.</summary>
    /// <param name="slabs">Where its structures come from.</param>
    /// <param name="mapper">The kernel's page tables.</param>
    /// <param name="start">First address; a multiple of 4,096.</param>
    /// <param name="end">First address behind the range.</param>
    /// <param name="usualStart">First address for callers who name no range.</param>
    /// <exception cref="InsufficientMemoryException">No memory for the first structures.</exception>
    public Vmalloc(SlabSystem slabs, IVmallocMapper mapper, VirtAddr start, VirtAddr end, VirtAddr usualStart)
    {
        if ((start.Value | end.Value | usualStart.Value) % PageBytes != 0 || start > usualStart || usualStart >= end)
        {
            throw new ArgumentOutOfRangeException(nameof(start), start, $"expected page-aligned addresses, start below {end}");
        }

        wholeRange = new VmallocRange(usualStart, end);
        (this.slabs, this.mapper, this.start, this.end) = (slabs, mapper, start, end);
        memory = slabs.Pages.Memory;
        areas = slabs.Create("vmap_area", VmapArea.SizeBytes, 0, SlabFlags.NoMerge);
        statePlace = AllocateAtBoot(VmallocState.SizeBytes);
        blockHeads = AllocateAtBoot(slabs.CpuCount * sizeof(ulong));
        free = new VmapTree(slabs, areas, statePlace + VmallocState.FreeRootOffset);
        busy = new VmapTree(slabs, areas, statePlace + VmallocState.BusyRootOffset);
        poolPlaces = [.. Enumerable.Range(0, Math.Clamp(slabs.CpuCount, 1, PoolNodesMax)).Select(_ => AllocateAtBoot(PoolCount * sizeof(ulong)))];
        LazyPagesMax = (ulong)(System.Numerics.BitOperations.Log2((uint)slabs.CpuCount) + 1) * ((32UL << 20) / PageBytes);
        if (!free.TryNew(new CpuId(0), start.Value, end.Value, GfpFlags.Kernel, out ulong whole))
        {
            throw new InsufficientMemoryException("no memory for the first vmap_area");
        }

        free.Insert(whole);
    }

    /// <summary>Pages in unmapped areas above which they are purged (<c>lazy_max_pages</c>).</summary>
    public ulong LazyPagesMax { get; }

    /// <summary>Pages that areas own (<c>VmallocUsed</c>).</summary>
    public ulong Pages => State.Pages;

    /// <summary>Pages in areas that are unmapped but not yet purged, guard pages counted.</summary>
    public ulong LazyPages => State.LazyPages;

    /// <summary>Areas in use.</summary>
    public int AreaCount
    {
        get
        {
            lock (gate)
            {
                return busy.List().Count;
            }
        }
    }

    private ref VmallocState State => ref memory.GetRef<VmallocState>(statePlace);

    /// <summary>Takes pages and addresses (<c>vmalloc</c>, <c>vzalloc</c> with <see cref="GfpFlags.Zero"/>, <c>vmalloc_huge</c> with <see cref="VmallocFlags.AllowHuge"/>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="sizeBytes">Bytes; rounded up to pages.</param>
    /// <param name="gfp">For the pages.</param>
    /// <param name="flags">What beyond <see cref="VmallocFlags.Alloc"/>.</param>
    /// <param name="caller">Kernel text address of the caller, for <c>/proc/vmallocinfo</c>; 0 unknown.</param>
    /// <param name="address">The first address.</param>
    /// <returns>False where there was no memory, no address range, or the size is 0 or more than all memory; nothing has changed then.</returns>
    public bool TryAllocate(CpuId cpu, ulong sizeBytes, GfpFlags gfp, VmallocFlags flags, ulong caller, out VirtAddr address) =>
        TryAllocateIn(cpu, wholeRange, sizeBytes, gfp, flags, caller, out address);

    /// <summary>Takes pages, and addresses of a range, as modules do (<c>__vmalloc_node_range</c>, <c>module_alloc</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="range">Where the area must lie, with its guard page.</param>
    /// <param name="sizeBytes">Bytes; rounded up to pages.</param>
    /// <param name="gfp">For the pages.</param>
    /// <param name="flags">What beyond <see cref="VmallocFlags.Alloc"/>.</param>
    /// <param name="caller">As for <see cref="TryAllocate(CpuId, ulong, GfpFlags, VmallocFlags, ulong, out VirtAddr)"/>.</param>
    /// <param name="address">The first address.</param>
    /// <returns>False where there was no memory, no address range, or the size is 0 or more than all memory; nothing has changed then.</returns>
    public bool TryAllocateIn(
        CpuId cpu, VmallocRange range, ulong sizeBytes, GfpFlags gfp, VmallocFlags flags, ulong caller, out VirtAddr address)
    {
        address = default;
        if (sizeBytes == 0 || (sizeBytes - 1) >> PageShift >= memory.LengthBytes >> PageShift)
        {
            Print($"vmalloc error: size {sizeBytes}, {(sizeBytes == 0 ? "zero size" : "exceeds total pages")}\n");
            return false;
        }

        int shift = (flags & VmallocFlags.AllowHuge) == 0 ? PageShift
            : sizeBytes >= 1UL << BlockShift ? BlockShift
            : sizeBytes >= 1UL << ContiguousShift ? ContiguousShift
            : PageShift;
        lock (gate)
        {
            return TryAllocate(cpu, range, sizeBytes, gfp, flags, caller, shift, out address)
                || (shift > PageShift && TryAllocate(cpu, range, sizeBytes, gfp, flags, caller, PageShift, out address));
        }
    }

    /// <summary>Gives an area and its pages back (<c>vfree</c>). 0 is a no-op; an address that is not an area's first is reported.</summary>
    public void Free(CpuId cpu, VirtAddr address)
    {
        if (address.Value == 0)
        {
            return;
        }

        lock (gate)
        {
            if (!TryRemove(cpu, address, "vfree()", out ulong vm))
            {
                return;
            }

            FreePages(cpu, vm);
            slabs.Kmalloc.Free(cpu, new PhysAddr(vm));
        }
    }

    /// <summary>Gives someone's frames consecutive addresses (<c>vmap</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="frames">The frames in the order of their addresses.</param>
    /// <param name="caller">As for <see cref="TryAllocate(CpuId, ulong, GfpFlags, VmallocFlags, ulong, out VirtAddr)"/>.</param>
    /// <param name="address">The first address.</param>
    /// <returns>False where there was no memory or no address range, or no frame was given; nothing has changed then.</returns>
    public bool TryMap(CpuId cpu, ReadOnlySpan<Pfn> frames, ulong caller, out VirtAddr address)
    {
        address = default;
        lock (gate)
        {
            if (frames.IsEmpty || !TryGetArea(cpu, (ulong)frames.Length * PageBytes, PageShift, VmallocFlags.Map, caller, out ulong vm))
            {
                return false;
            }

            address = new VirtAddr(Vm(vm).Address);
            for (int i = 0; i < frames.Length; i++)
            {
                if (!mapper.TryMap(cpu, address + ((ulong)i * PageBytes), frames[i].Address, PageBytes, PageShift, isDevice: false))
                {
                    Drop(cpu, vm);
                    return false;
                }
            }

            return true;
        }
    }

    /// <summary>Takes a mapping of <see cref="TryMap"/> or <see cref="TryMapDevice"/> away (<c>vunmap</c>, <c>iounmap</c>); the frames stay their owner's.</summary>
    public void Unmap(CpuId cpu, VirtAddr address)
    {
        lock (gate)
        {
            VirtAddr first = new(address.Value & ~(PageBytes - 1));
            if (address.Value != 0 && TryRemove(cpu, first, "vunmap()", out ulong vm))
            {
                slabs.Kmalloc.Free(cpu, new PhysAddr(vm));
            }
        }
    }

    /// <summary>Maps a device's registers (<c>ioremap</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="physical">The first byte; its offset in the page is kept.</param>
    /// <param name="sizeBytes">Bytes.</param>
    /// <param name="caller">As for <see cref="TryAllocate(CpuId, ulong, GfpFlags, VmallocFlags, ulong, out VirtAddr)"/>.</param>
    /// <param name="address">The address of the first byte.</param>
    /// <returns>False where the range is empty, wraps, or is RAM, or where there was no memory; nothing has changed then.</returns>
    public bool TryMapDevice(CpuId cpu, PhysAddr physical, ulong sizeBytes, ulong caller, out VirtAddr address)
    {
        address = default;
        ulong last = unchecked(physical.Value + sizeBytes - 1);
        if (sizeBytes == 0 || last < physical.Value || last >> 48 != 0)
        {
            return false;
        }

        ulong offset = physical.Value & (PageBytes - 1);
        PhysAddr first = new(physical.Value - offset);
        ulong length = (sizeBytes + offset + PageBytes - 1) & ~(PageBytes - 1);
        if (memory.Banks.ToArray().Any(bank => first < bank.End && bank.Start.Value < first.Value + length))
        {
            Print($"ioremap on RAM at 0x{physical.Value:x16}\n");
            return false;
        }

        lock (gate)
        {
            if (!TryGetArea(cpu, length, PageShift, VmallocFlags.IoRemap, caller, out ulong vm))
            {
                return false;
            }

            Vm(vm).Physical = first.Value;
            address = new VirtAddr(Vm(vm).Address + offset);
            if (!mapper.TryMap(cpu, new VirtAddr(Vm(vm).Address), first, length, PageShift, isDevice: true))
            {
                Drop(cpu, vm);
                address = default;
                return false;
            }

            return true;
        }
    }

    /// <summary>Flushes and frees what was lazily freed (<c>vm_unmap_aliases</c>).</summary>
    public void Purge(CpuId cpu)
    {
        lock (gate)
        {
            PurgeAliases(cpu);
        }
    }

    private bool TryAllocate(
        CpuId cpu, VmallocRange range, ulong sizeBytes, GfpFlags gfp, VmallocFlags flags, ulong caller, int shift, out VirtAddr address)
    {
        address = default;
        ulong length = (sizeBytes + (1UL << shift) - 1) & ~((1UL << shift) - 1);
        if (!TryGetArea(cpu, length, shift, flags | VmallocFlags.Alloc, caller, range, out ulong vm))
        {
            return false;
        }

        if (!TryAllocatePages(cpu, vm, length, shift, gfp) || !TryMapPages(cpu, vm, length, shift))
        {
            FreePages(cpu, vm);
            Drop(cpu, vm);
            return false;
        }

        address = new VirtAddr(Vm(vm).Address);
        return true;
    }

    private PhysAddr AllocateAtBoot(int lengthBytes) =>
        slabs.Kmalloc.TryAllocate(new CpuId(0), (ulong)lengthBytes, GfpFlags.Kernel | GfpFlags.Zero, out PhysAddr place)
            ? place
            : throw new InsufficientMemoryException("no memory for vmalloc's bookkeeping");

    private ref VmStruct Vm(ulong vm) => ref memory.GetRef<VmStruct>(new PhysAddr(vm));

    private void Report(string reason, ulong expected, ulong found) =>
        slabs.Log.Report(new Corruption(CorruptionCategory.KernelMap, reason, statePlace, expected, found));

    private void Print(string text) => slabs.Print(text);
}
