// The DMA API (kernel/dma/mapping.c, drivers/iommu/dma-iommu.c): giving memory to devices and taking it back.
//
//   coherent   the kernel and the device use it at the same time; scattered frames behind an SMMU, contiguous ones (from CMA where
//              there is an area) without
//   streaming  the device owns it between map and unmap; what was mapped for reading only cannot be written
//
// Behind an SMMU a device reaches exactly the pages that were mapped for it: whole pages, so that what shares a page with a buffer is
// reached too. Devices are cache-coherent, so that syncs move no data; they are checked as dma-debug checks them.
//
// Misuse is reported in dma-debug's words (kernel/dma/debug.c) and has no effect.

using Engine.Arm64.Kernel.Smmu;
using Engine.Arm64.Units;
using Engine.Core.Buddy;
using Engine.Core.Slab;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel.Dma;

/// <summary>DMA buffers and the devices that use them.</summary>
public sealed partial class DmaApi
{
    private const int AddressBitsMax = 48;

    private readonly Machine machine;
    private readonly PageAllocator pages;
    private readonly SlabSystem slabs;
    private readonly SmmuV3? smmu;
    private readonly List<DmaDevice> devices = [];
    private SlabCache? iovas;
    private ushort lastTag;

    internal DmaApi(Machine machine, SlabSystem slabs, SmmuV3? smmu)
    {
        (this.machine, this.slabs, this.smmu) = (machine, slabs, smmu);
        pages = machine.Pages;
    }

    /// <summary>The devices.</summary>
    public IReadOnlyList<DmaDevice> Devices => devices;

    /// <summary>The contiguous area that buffers without SMMU come from; null for none.</summary>
    public CmaArea? Cma { get; private set; }

    /// <summary>Adds a device.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="stream">Its stream; of no meaning without SMMU.</param>
    /// <param name="protection">What keeps it from memory that was not given to it.</param>
    /// <param name="addressBits">Bits of an address that it can drive, 12 to 48.</param>
    /// <exception cref="ArgumentException">The stream is in use or beyond the table, the bits are out of range, or there is no SMMU to protect with.</exception>
    /// <exception cref="InsufficientMemoryException">No memory for its tables.</exception>
    public DmaDevice AddDevice(string name, uint stream, DmaProtection protection, int addressBits = 32)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (addressBits is < 13 or > AddressBitsMax || (smmu is null && protection != DmaProtection.Bypass)
            || (smmu is not null && (stream >= smmu.StreamCount || devices.Any(device => device.Stream == stream))))
        {
            throw new ArgumentException($"device '{name}' with stream {stream}, {addressBits} address bits and {protection} cannot be (expected a free stream of the SMMU, 13 to {AddressBitsMax} bits)", nameof(stream));
        }

        SmmuDomain? domain = null;
        if (protection is DmaProtection.Stage1 or DmaProtection.Stage2)
        {
            iovas ??= slabs.Create("iommu_iova", VmapArea.SizeBytes, 0, SlabFlags.NoMerge);
            domain = new SmmuDomain(pages, slabs, iovas, smmu!, protection == DmaProtection.Stage1, ++lastTag, addressBits);
        }

        if (smmu is not null)
        {
            smmu[stream] = domain?.Entry ?? StreamTableEntry.For(protection == DmaProtection.Blocked ? StreamConfig.Abort : StreamConfig.Bypass);
        }

        DmaDevice added = new(machine.Memory, smmu, name, stream, addressBits, protection, domain);
        devices.Add(added);
        return added;
    }

    /// <summary>Sets pageblocks aside for contiguous buffers (the boot parameter <c>cma=</c>).</summary>
    /// <param name="start">A multiple of a pageblock; wholly free.</param>
    /// <param name="pageCount">A multiple of a pageblock.</param>
    /// <returns>False where the range is not free, or there is an area already.</returns>
    public bool TryReserveCma(Pfn start, uint pageCount)
    {
        if (Cma is not null || !pages.TryReserveCma(start, pageCount))
        {
            return false;
        }

        Cma = new CmaArea(slabs, start, pageCount);
        return true;
    }

    /// <summary>Gives a buffer to a device (<c>dma_map_single</c>, <c>dma_map_page</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="device">The device.</param>
    /// <param name="physical">The buffer's first byte.</param>
    /// <param name="lengthBytes">Its length; contiguous memory.</param>
    /// <param name="direction">Who reads, who writes.</param>
    /// <param name="address">The buffer's address for the device; <see cref="DmaAddr.None"/> where it failed.</param>
    /// <returns>False where the device cannot reach the memory, or no address or memory could be had.</returns>
    public bool TryMapSingle(CpuId cpu, DmaDevice device, PhysAddr physical, ulong lengthBytes, DmaDirection direction, out DmaAddr address) =>
        TryMap(cpu, device, [new ScatterPart(physical, lengthBytes)], direction, DmaKind.Single, out address);

    /// <summary>Gives pieces of memory to a device (<c>dma_map_sg</c>): behind an SMMU as one run of addresses, a piece after the other, each from a page's start on.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="device">The device.</param>
    /// <param name="parts">The pieces.</param>
    /// <param name="direction">Who reads, who writes.</param>
    /// <param name="addresses">Receives each piece's address for the device.</param>
    /// <returns>False, with nothing mapped, where one of them cannot be.</returns>
    public bool TryMapScatter(CpuId cpu, DmaDevice device, ReadOnlySpan<ScatterPart> parts, DmaDirection direction, Span<DmaAddr> addresses)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(addresses.Length, parts.Length, nameof(addresses));
        if (parts.IsEmpty || (device.Domain is not null && !TryMap(cpu, device, parts, direction, DmaKind.Scatter, out addresses[0])))
        {
            return false;
        }

        DmaAddr next = addresses[0];
        for (int i = 0; i < parts.Length; i++)
        {
            if (device.Domain is not null)
            {
                addresses[i] = i == 0 ? next : new DmaAddr((next.Value & ~PageMask) + (parts[i].Physical.Value & PageMask));
                next = new DmaAddr((addresses[i].Value + parts[i].LengthBytes + PageMask) & ~PageMask);
            }
            else if (!TryMap(cpu, device, parts.Slice(i, 1), direction, DmaKind.Scatter, out addresses[i]))
            {
                UnmapScatter(cpu, device, parts[..i], direction, addresses);
                return false;
            }
        }

        return true;
    }

    /// <summary>Takes a buffer back (<c>dma_unmap_single</c>, <c>dma_unmap_page</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="device">The device.</param>
    /// <param name="address">As <see cref="TryMapSingle"/> gave it.</param>
    /// <param name="lengthBytes">As it was mapped.</param>
    /// <param name="direction">As it was mapped.</param>
    public void UnmapSingle(CpuId cpu, DmaDevice device, DmaAddr address, ulong lengthBytes, DmaDirection direction)
    {
        if (TryTake(device, address, new DmaMapping(DmaKind.Single, lengthBytes, direction)))
        {
            Unmap(cpu, device, address, lengthBytes);
        }
    }

    /// <summary>Takes pieces back (<c>dma_unmap_sg</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="device">The device.</param>
    /// <param name="parts">As they were mapped.</param>
    /// <param name="direction">As they were mapped.</param>
    /// <param name="addresses">As <see cref="TryMapScatter"/> gave them.</param>
    public void UnmapScatter(CpuId cpu, DmaDevice device, ReadOnlySpan<ScatterPart> parts, DmaDirection direction, ReadOnlySpan<DmaAddr> addresses)
    {
        if (device.Domain is not null)
        {
            ulong length = parts.IsEmpty ? 0 : LengthOf(parts) - (parts[0].Physical.Value & PageMask);
            if (!parts.IsEmpty && TryTake(device, addresses[0], new DmaMapping(DmaKind.Scatter, length, direction)))
            {
                Unmap(cpu, device, addresses[0], length);
            }

            return;
        }

        for (int i = 0; i < parts.Length; i++)
        {
            TryTake(device, addresses[i], new DmaMapping(DmaKind.Scatter, parts[i].LengthBytes, direction));
        }
    }

    /// <summary>The kernel looks at a buffer that the device has (<c>dma_sync_single_for_cpu</c>, <c>dma_sync_single_for_device</c>). Moves no data: devices are coherent.</summary>
    /// <param name="device">The device.</param>
    /// <param name="address">As it was mapped.</param>
    /// <param name="lengthBytes">At most as it was mapped.</param>
    /// <param name="direction">As it was mapped, or both.</param>
    public void Sync(DmaDevice device, DmaAddr address, ulong lengthBytes, DmaDirection direction) => CheckSync(device, address, lengthBytes, direction);

    /// <summary>Takes memory that the kernel and a device use at the same time, zeroed (<c>dma_alloc_coherent</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="device">The device.</param>
    /// <param name="sizeBytes">Bytes; rounded up to pages.</param>
    /// <param name="buffer">The memory.</param>
    /// <exception cref="InvalidOperationException">The machine has no kernel map to show it in.</exception>
    public bool TryAllocateCoherent(CpuId cpu, DmaDevice device, ulong sizeBytes, out CoherentBuffer buffer)
    {
        buffer = default;
        uint count = (uint)((sizeBytes + PageMask) >> Pfn.PageShift);
        if (count == 0 || count > machine.Memory.LengthBytes >> Pfn.PageShift)
        {
            return false;
        }

        return device.Domain is null ? TryAllocateContiguous(cpu, device, count, out buffer) : TryAllocateScattered(cpu, device, count, out buffer);
    }

    /// <summary>Gives coherent memory back (<c>dma_free_coherent</c>).</summary>
    public void FreeCoherent(CpuId cpu, DmaDevice device, in CoherentBuffer buffer)
    {
        if (!TryTake(device, buffer.Device, new DmaMapping(DmaKind.Coherent, buffer.LengthBytes, DmaDirection.Bidirectional)))
        {
            return;
        }

        uint count = (uint)(buffer.LengthBytes >> Pfn.PageShift);
        if (device.Domain is null)
        {
            FreeContiguous(cpu, new PhysAddr(buffer.Device.Value).Pfn, count);
            return;
        }

        VirtAddr address = buffer.Address;
        Pfn[] frames = [.. Enumerable.Range(0, (int)count).Select(i => machine.Kernel.Map.Tables.Read(address + ((ulong)i << Pfn.PageShift)).Pfn)];
        Unmap(cpu, device, buffer.Device, buffer.LengthBytes);
        machine.Kernel.Vmalloc.Unmap(cpu, buffer.Address);
        FreeFrames(cpu, frames);
    }

    /// <summary>Empties the flush queues of all devices (the timer of <c>iommu.strict=0</c>).</summary>
    public void FlushQueues(CpuId cpu)
    {
        foreach (DmaDevice device in devices)
        {
            device.Domain?.Flush(cpu);
        }
    }
}
