using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel.Dma;

/// <content>The two ways to a device: through the SMMU's tables, or straight.</content>
public sealed partial class DmaApi
{
    private const ulong PageMask = Pfn.PageSizeBytes - 1;

    // Whole pages of all parts, one after the other.
    private static ulong LengthOf(ReadOnlySpan<ScatterPart> parts)
    {
        ulong length = 0;
        foreach (ScatterPart part in parts)
        {
            length += ((part.Physical.Value & PageMask) + part.LengthBytes + PageMask) & ~PageMask;
        }

        return length;
    }

    private bool TryMap(CpuId cpu, DmaDevice device, ReadOnlySpan<ScatterPart> parts, DmaDirection direction, DmaKind kind, out DmaAddr address)
    {
        address = DmaAddr.None;
        foreach (ScatterPart part in parts)
        {
            if (part.LengthBytes == 0 || !machine.Memory.Contains(part.Physical, part.LengthBytes))
            {
                return false;
            }
        }

        ulong length = parts[0].LengthBytes;
        if (device.Domain is null)
        {
            // dma_direct_map_page(): the device must be able to drive the address.
            if ((parts[0].Physical.Value + length - 1) >> device.AddressBits != 0)
            {
                Warn(device, $"overflow {new DmaAddr(parts[0].Physical.Value)}+{length} of DMA mask {(1UL << device.AddressBits) - 1:x}");
                return false;
            }

            address = new DmaAddr(parts[0].Physical.Value);
        }
        else
        {
            if (!TryMapPages(cpu, device.Domain, parts, direction, out address))
            {
                return false;
            }

            length = kind == DmaKind.Scatter ? LengthOf(parts) - (parts[0].Physical.Value & PageMask) : length;
        }

        device.Mappings[address.Value] = new DmaMapping(kind, length, direction);
        return true;
    }

    private static bool TryMapPages(CpuId cpu, SmmuDomain domain, ReadOnlySpan<ScatterPart> parts, DmaDirection direction, out DmaAddr address)
    {
        address = DmaAddr.None;
        if (!domain.Addresses.TryAllocate(cpu, LengthOf(parts), out ulong start))
        {
            return false;
        }

        ulong next = start;
        foreach (ScatterPart part in parts)
        {
            ulong offset = part.Physical.Value & PageMask;
            ulong bytes = (offset + part.LengthBytes + PageMask) & ~PageMask;
            if (!domain.TryMap(cpu, next, new PhysAddr(part.Physical.Value - offset), bytes, direction))
            {
                domain.Unmap(cpu, start, Math.Max(next - start, Pfn.PageSizeBytes));
                return false;
            }

            next += bytes;
        }

        address = new DmaAddr(start + (parts[0].Physical.Value & PageMask));
        return true;
    }

    private static void Unmap(CpuId cpu, DmaDevice device, DmaAddr address, ulong lengthBytes)
    {
        ulong first = address.Value & ~PageMask;
        device.Domain?.Unmap(cpu, first, (address.Value - first + lengthBytes + PageMask) & ~PageMask);
    }

    // dma_direct_alloc(): one run of frames that the device can reach.
    private bool TryAllocateContiguous(CpuId cpu, DmaDevice device, uint count, out CoherentBuffer buffer)
    {
        buffer = default;
        int order = System.Numerics.BitOperations.Log2(System.Numerics.BitOperations.RoundUpToPowerOf2(count));
        Pfn start = Pfn.None;
        bool isFromCma = count > 1 && Cma is not null && Cma.TryAllocate(cpu, count, out start);
        GfpFlags zone = device.AddressBits < 32 ? GfpFlags.Dma : device.AddressBits == 32 ? GfpFlags.Dma32 : GfpFlags.None;
        if (!isFromCma && (order > Order.MaxValue || !pages.TryAllocate(cpu, new Order(order), GfpFlags.Kernel | GfpFlags.NoWarn | zone, out start)))
        {
            return false;
        }

        if (!isFromCma && order > 0)
        {
            pages.TrySplit(start, Order.Zero);
            for (uint i = count; i < 1u << order; i++)
            {
                pages.Free(cpu, start + i, Order.Zero);
            }
        }

        for (uint i = 0; i < count; i++)
        {
            machine.Memory.GetFrame(start + i).Clear();
        }

        ulong length = (ulong)count << Pfn.PageShift;
        if ((start.Address.Value + length - 1) >> device.AddressBits != 0)
        {
            FreeContiguous(cpu, start, count);
            return false;
        }

        buffer = new CoherentBuffer(machine.Kernel.Map.ToLinear(start.Address), new DmaAddr(start.Address.Value), length);
        device.Mappings[buffer.Device.Value] = new DmaMapping(DmaKind.Coherent, length, DmaDirection.Bidirectional);
        return true;
    }

    private void FreeContiguous(CpuId cpu, Pfn start, uint count)
    {
        if (Cma is not null && Cma.TryRelease(cpu, start, count))
        {
            return;
        }

        for (uint i = 0; i < count; i++)
        {
            pages.Free(cpu, start + i, Order.Zero);
        }
    }

    // iommu_dma_alloc_remap(): any frames, made contiguous for the device by the SMMU and for the kernel by vmap.
    private bool TryAllocateScattered(CpuId cpu, DmaDevice device, uint count, out CoherentBuffer buffer)
    {
        buffer = default;
        Pfn[] frames = new Pfn[count];
        for (int taken = 0; taken < frames.Length; taken++)
        {
            if (!pages.TryAllocate(cpu, Order.Zero, GfpFlags.Kernel | GfpFlags.Zero | GfpFlags.NoWarn, out frames[taken]))
            {
                FreeFrames(cpu, frames.AsSpan(0, taken));
                return false;
            }
        }

        ScatterPart[] parts = [.. frames.Select(frame => new ScatterPart(frame.Address, Pfn.PageSizeBytes))];
        if (!TryMapPages(cpu, device.Domain!, parts, DmaDirection.Bidirectional, out DmaAddr address))
        {
            FreeFrames(cpu, frames);
            return false;
        }

        ulong length = (ulong)count << Pfn.PageShift;
        if (!machine.Kernel.Vmalloc.TryMap(cpu, frames, 0, out VirtAddr kernelAddress))
        {
            Unmap(cpu, device, address, length);
            FreeFrames(cpu, frames);
            return false;
        }

        buffer = new CoherentBuffer(kernelAddress, address, length);
        device.Mappings[address.Value] = new DmaMapping(DmaKind.Coherent, length, DmaDirection.Bidirectional);
        return true;
    }

    private void FreeFrames(CpuId cpu, ReadOnlySpan<Pfn> frames)
    {
        foreach (Pfn frame in frames)
        {
            pages.Free(cpu, frame, Order.Zero);
        }
    }
}
