using Engine.Arm64.Kernel.Smmu;
using Engine.Arm64.PageTables;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Buddy;
using Engine.Core.Slab;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel.Dma;

/// <summary>The address space of one device behind an SMMU: its tables (drivers/iommu/io-pgtable-arm.c) and its addresses.</summary>
internal sealed class SmmuDomain
{
    private const int WriteBackIndex = 1;

    private readonly SmmuV3 smmu;
    private readonly PageTable tables;
    private readonly bool isStage1;

    // Unmapped, but not yet out of the TLB (fq_ring).
    private readonly Queue<ulong> waiting = [];

    public SmmuDomain(PageAllocator pages, SlabSystem slabs, SlabCache iovas, SmmuV3 smmu, bool isStage1, ushort tag, int addressBits)
    {
        (this.smmu, this.isStage1, Tag) = (smmu, isStage1, tag);
        tables = PageTable.TryCreate(pages, new CpuId(0), PageTableKind.Device, out PageTable? made) ? made : throw NoMemory();
        Addresses = new IovaDomain(slabs, iovas, addressBits);
        if (!isStage1)
        {
            Entry = StreamTableEntry.ForStage2(tables.Root.Address, tag);
            return;
        }

        if (!slabs.Kmalloc.TryAllocate(new CpuId(0), ContextDescriptor.SizeBytes, GfpFlags.Kernel | GfpFlags.Zero, out PhysAddr context))
        {
            throw NoMemory();
        }

        pages.Memory.GetRef<ContextDescriptor>(context) = ContextDescriptor.For(tables.Root.Address, tag);
        Entry = StreamTableEntry.ForStage1(context);
    }

    /// <summary>IOVA_FQ_SIZE: how many unmapped ranges wait for one flush.</summary>
    public const int FlushQueueMax = 256;

    /// <summary>Its ASID (stage 1) or VMID (stage 2).</summary>
    public ushort Tag { get; }

    /// <summary>The stream table entry that makes it effective.</summary>
    public StreamTableEntry Entry { get; }

    /// <summary>Its I/O virtual addresses.</summary>
    public IovaDomain Addresses { get; }

    /// <summary>Bytes in its tables.</summary>
    public ulong TableBytes => ((ulong)tables.PageTablePages + 1) << Pfn.PageShift;

    /// <summary>The tables themselves.</summary>
    public PageTable Tables => tables;

    private (ushort Asid, ushort Vmid) Tags => isStage1 ? (Tag, (ushort)0) : ((ushort)0, Tag);

    /// <summary>Maps whole pages (<c>iommu_map</c>).</summary>
    /// <returns>False where there is no memory for a table; nothing has changed then.</returns>
    public bool TryMap(CpuId cpu, ulong address, PhysAddr physical, ulong lengthBytes, DmaDirection direction)
    {
        ulong mapped = tables.MapRange(cpu, new VirtAddr(address), physical, lengthBytes, AttributesOf(direction), MapShapes.Pages);
        if (mapped == lengthBytes)
        {
            return true;
        }

        tables.TryUnmap(cpu, new VirtAddr(address), mapped);
        return false;
    }

    /// <summary>Unmaps whole pages, and takes them out of the TLB at once or later (<c>__iommu_dma_unmap</c>).</summary>
    public void Unmap(CpuId cpu, ulong address, ulong lengthBytes)
    {
        tables.TryUnmap(cpu, new VirtAddr(address), lengthBytes);
        if (smmu.Options.IsStrict)
        {
            smmu.Invalidate(Tags.Asid, Tags.Vmid, address, lengthBytes);
            Addresses.TryFree(cpu, address);
            return;
        }

        waiting.Enqueue(address);
        if (waiting.Count >= FlushQueueMax)
        {
            Flush(cpu);
        }
    }

    /// <summary>Empties the flush queue (<c>fq_flush_iotlb</c>).</summary>
    public void Flush(CpuId cpu)
    {
        smmu.Invalidate(Tags.Asid, Tags.Vmid);
        while (waiting.TryDequeue(out ulong address))
        {
            Addresses.TryFree(cpu, address);
        }
    }

    // arm_lpae_prot_to_pte(). Stage 1 cannot express "write only"; stage 2 can.
    private PageAttributes AttributesOf(DmaDirection direction)
    {
        const ulong Common = Descriptor.ValidBit | Descriptor.TableBit | Descriptor.AccessFlagBit | Descriptor.InnerShareable | Descriptor.UxnBit;
        const ulong Stage2WriteBack = 15UL << Descriptor.AttributeIndexShift;
        bool mayRead = direction != DmaDirection.FromDevice;
        bool mayWrite = direction != DmaDirection.ToDevice;
        return isStage1
            ? new PageAttributes(
                Common | Descriptor.PxnBit | Descriptor.NotGlobalBit | Descriptor.UserBit | (mayWrite ? 0 : Descriptor.ReadOnlyBit)
                | ((ulong)WriteBackIndex << Descriptor.AttributeIndexShift))
            : new PageAttributes(Common | Stage2WriteBack | (mayRead ? Descriptor.UserBit : 0) | (mayWrite ? Descriptor.ReadOnlyBit : 0));
    }

    private static InsufficientMemoryException NoMemory() => new("the simulated memory has no room for a device's translation tables");
}
