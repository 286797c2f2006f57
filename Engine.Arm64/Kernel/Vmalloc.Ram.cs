using System.Numerics;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel;

/// <content>Short-lived mappings of someone's pages: <c>vm_map_ram</c>, <c>vm_unmap_ram</c>, and the blocks of addresses behind them.</content>
public sealed partial class Vmalloc
{
    /// <summary>The most pages that come from a CPU's block (<c>VMAP_MAX_ALLOC</c>); more get an area of their own.</summary>
    public const int BlockMapPagesMax = 64;

    private const ulong BlockBytes = VmapBlock.Pages * PageBytes;

    // A block with less than this left is purged as soon as nothing of it is in use (VMAP_PURGE_THRESHOLD).
    private const uint PurgeThreshold = VmapBlock.Pages / 4;

    private readonly PhysAddr blockHeads;

    /// <summary>Gives someone's frames consecutive addresses for a short time, without a guard page (<c>vm_map_ram</c>).</summary>
    /// <param name="cpu">The CPU that acts; short runs come from its block of addresses.</param>
    /// <param name="frames">The frames in the order of their addresses.</param>
    /// <param name="address">The first address.</param>
    /// <returns>False where there was no memory or no address range, or no frame was given; nothing is mapped then.</returns>
    public bool TryMapRam(CpuId cpu, ReadOnlySpan<Pfn> frames, out VirtAddr address)
    {
        address = default;
        lock (gate)
        {
            if (frames.IsEmpty || !TryTakeRam(cpu, (uint)frames.Length, out address))
            {
                return false;
            }

            for (int i = 0; i < frames.Length; i++)
            {
                if (!mapper.TryMap(cpu, address + ((ulong)i * PageBytes), frames[i].Address, PageBytes, PageShift, isDevice: false))
                {
                    GiveRam(cpu, address, (uint)frames.Length);
                    address = default;
                    return false;
                }
            }

            return true;
        }
    }

    /// <summary>Takes a mapping of <see cref="TryMapRam"/> away (<c>vm_unmap_ram</c>). An address or a length that is none's is reported.</summary>
    /// <param name="cpu">The CPU that acts; any may unmap what another mapped.</param>
    /// <param name="address">As <see cref="TryMapRam"/> gave it.</param>
    /// <param name="pageCount">As many as were mapped.</param>
    public void UnmapRam(CpuId cpu, VirtAddr address, int pageCount)
    {
        lock (gate)
        {
            if (pageCount <= 0 || !GiveRam(cpu, address, (uint)pageCount))
            {
                Report($"Trying to vm_unmap_ram() bad address (0x{address.Value:x16})", unchecked((ulong)pageCount), address.Value);
            }
        }
    }

    private bool TryTakeRam(CpuId cpu, uint count, out VirtAddr address)
    {
        address = default;
        if (count <= BlockMapPagesMax)
        {
            uint rounded = BitOperations.RoundUpToPowerOf2(count);
            return TryTakeFromBlock(cpu, rounded, out address) || TryTakeFromNewBlock(cpu, rounded, out address);
        }

        if (!TryAllocateRange(cpu, count * PageBytes, PageBytes, wholeRange, out ulong area))
        {
            return false;
        }

        busy.At(area).Flags = VmapAreaFlags.Ram;
        address = new VirtAddr(busy.At(area).Start);
        return true;
    }

    // vb_alloc(): the first of the CPU's blocks with so many pages at its end.
    private bool TryTakeFromBlock(CpuId cpu, uint pages, out VirtAddr address)
    {
        int steps = 0;
        for (ulong at = BlockHead(cpu); at != 0 && steps < ListMax; at = Block(at).Next, steps++)
        {
            if (!IsBlock(at))
            {
                Report("vmap_block list", 0, at);
                BlockHead(cpu) = 0;
                break;
            }

            if (Block(at).Free >= pages)
            {
                address = TakeFrom(at, pages);
                return true;
            }
        }

        address = default;
        return false;
    }

    private VirtAddr TakeFrom(ulong at, uint pages)
    {
        ref VmapBlock block = ref Block(at);
        uint first = VmapBlock.Pages - block.Free;
        block.Free -= pages;
        block.SetUsed(first, pages, isUsed: true);
        if (block.Free == 0)
        {
            Unlink(at);
        }

        return new VirtAddr(block.Address + (first * PageBytes));
    }

    // new_vmap_block()
    private bool TryTakeFromNewBlock(CpuId cpu, uint pages, out VirtAddr address)
    {
        address = default;
        if (!slabs.Kmalloc.TryAllocate(cpu, VmapBlock.SizeBytes, GfpFlags.Kernel | GfpFlags.Zero, out PhysAddr place))
        {
            return false;
        }

        if (!TryAllocateRange(cpu, BlockBytes, BlockBytes, wholeRange, out ulong area))
        {
            slabs.Kmalloc.Free(cpu, place);
            return false;
        }

        busy.At(area).Flags = VmapAreaFlags.Ram | VmapAreaFlags.Block;
        busy.At(area).Block = place.Value;
        Block(place.Value) = new VmapBlock
        {
            Address = busy.At(area).Start,
            Free = VmapBlock.Pages,
            DirtyFirst = VmapBlock.Pages,
            Cpu = (uint)cpu.Value,
        };
        ref ulong link = ref BlockHead(cpu);
        for (int steps = 0; link != 0 && IsBlock(link) && steps < ListMax; steps++)
        {
            link = ref Block(link).Next;
        }

        link = place.Value;
        address = TakeFrom(place.Value, pages);
        return true;
    }

    private bool GiveRam(CpuId cpu, VirtAddr address, uint count)
    {
        ulong area = address.Value % PageBytes == 0 ? busy.Find(address.Value) : 0;
        if (area == 0 || (busy.At(area).Flags & VmapAreaFlags.Ram) == 0)
        {
            return false;
        }

        ref VmapArea range = ref busy.At(area);
        if (count <= BlockMapPagesMax)
        {
            return (range.Flags & VmapAreaFlags.Block) != 0 && GiveToBlock(cpu, area, address, count);
        }

        bool isWhole = (range.Flags & VmapAreaFlags.Block) == 0 && range.Start == address.Value && range.End - range.Start == count * PageBytes;
        if (isWhole)
        {
            FreeLazily(cpu, area);
        }

        return isWhole;
    }

    // vb_free(): the addresses are not used again before the block is purged.
    private bool GiveToBlock(CpuId cpu, ulong area, VirtAddr address, uint count)
    {
        ulong at = busy.At(area).Block;
        uint pages = BitOperations.RoundUpToPowerOf2(count);
        uint first = (uint)((address.Value - busy.At(area).Start) >> PageShift);
        if (!IsBlock(at) || first > VmapBlock.Pages - pages || !Block(at).IsUsed(first, pages))
        {
            return false;
        }

        ref VmapBlock block = ref Block(at);
        block.SetUsed(first, pages, isUsed: false);
        mapper.Unmap(cpu, address, count * PageBytes);
        block.DirtyFirst = Math.Min(block.DirtyFirst, first);
        block.DirtyEnd = Math.Max(block.DirtyEnd, first + pages);
        block.Dirty += pages;
        if (block.Dirty == VmapBlock.Pages)
        {
            slabs.Kmalloc.Free(cpu, new PhysAddr(at));
            FreeLazily(cpu, area);
        }

        return true;
    }

    // purge_fragmented_block(): nothing is in use, and little or nothing is left.
    private bool TryPurgeBlock(CpuId cpu, ulong area, bool isForced)
    {
        ulong at = busy.At(area).Block;
        ref VmapBlock block = ref Block(at);
        if (block.Free + block.Dirty != VmapBlock.Pages || block.Dirty == VmapBlock.Pages || !(isForced || block.Free < PurgeThreshold))
        {
            return false;
        }

        Unlink(at);
        slabs.Kmalloc.Free(cpu, new PhysAddr(at));
        PutLazy(cpu, area);
        return true;
    }

    // purge_fragmented_blocks_allcpus()
    private void PurgeBlocks(CpuId cpu)
    {
        foreach (ulong area in Blocks())
        {
            _ = TryPurgeBlock(cpu, area, isForced: true);
        }
    }

    // _vm_unmap_aliases(): what the blocks have unmapped is flushed with what is lazily freed.
    private void PurgeAliases(CpuId cpu)
    {
        (ulong first, ulong last) = (ulong.MaxValue, 0);
        foreach (ulong area in Blocks())
        {
            if (TryPurgeBlock(cpu, area, isForced: false))
            {
                continue;
            }

            ref VmapBlock block = ref Block(busy.At(area).Block);
            if (block.DirtyEnd != 0)
            {
                first = Math.Min(first, busy.At(area).Start + (block.DirtyFirst * PageBytes));
                last = Math.Max(last, busy.At(area).Start + (block.DirtyEnd * PageBytes));
                (block.DirtyFirst, block.DirtyEnd) = (VmapBlock.Pages, 0);
            }
        }

        Purge(cpu, isFull: false, first, last);
    }

    private List<ulong> Blocks() => [.. busy.List().Where(area => (busy.At(area).Flags & VmapAreaFlags.Block) != 0 && IsBlock(busy.At(area).Block))];

    private void Unlink(ulong at)
    {
        CpuId cpu = new((int)Block(at).Cpu);
        if ((uint)cpu.Value >= (uint)slabs.CpuCount)
        {
            Report("vmap_block's CPU", (ulong)slabs.CpuCount, Block(at).Cpu);
            return;
        }

        ref ulong link = ref BlockHead(cpu);
        for (int steps = 0; link != at && link != 0 && IsBlock(link) && steps < ListMax; steps++)
        {
            link = ref Block(link).Next;
        }

        if (link == at)
        {
            link = Block(at).Next;
        }
    }

    private ref ulong BlockHead(CpuId cpu) => ref memory.GetRef<ulong>(blockHeads + ((ulong)cpu.Value * sizeof(ulong)));

    private ref VmapBlock Block(ulong at) => ref memory.GetRef<VmapBlock>(new PhysAddr(at));

    // A block is what its area says it is, with counts that can be.
    private bool IsBlock(ulong at)
    {
        if (at == 0 || slabs.Kmalloc.SizeOf(new PhysAddr(at)) < VmapBlock.SizeBytes || !memory.Contains(new PhysAddr(at), VmapBlock.SizeBytes))
        {
            return false;
        }

        ref VmapBlock block = ref Block(at);
        ulong area = busy.Find(block.Address);
        return block.Free <= VmapBlock.Pages && block.Dirty <= VmapBlock.Pages && area != 0
            && busy.At(area).Block == at && busy.At(area).Start == block.Address && busy.At(area).End - block.Address == BlockBytes;
    }
}
