using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel;

/// <content>Address ranges: <c>alloc_vmap_area</c>, <c>free_vmap_area_noflush</c>, <c>__purge_vmap_area_lazy</c>.</content>
public sealed partial class Vmalloc
{
    private const int PoolNodesMax = 128;
    private const int PoolCount = 256;
    private const int NodeZoneShift = PageShift + 4;

    // A list longer than this is a circle.
    private const int ListMax = 1 << 24;

    // get_vm_area_node(): the range, and the structure that says what it is for.
    private bool TryGetArea(CpuId cpu, ulong lengthBytes, int shift, VmallocFlags flags, ulong caller, out ulong vm) =>
        TryGetArea(cpu, lengthBytes, shift, flags, caller, wholeRange, out vm);

    private bool TryGetArea(CpuId cpu, ulong lengthBytes, int shift, VmallocFlags flags, ulong caller, VmallocRange range, out ulong vm)
    {
        int order = System.Numerics.BitOperations.Log2(lengthBytes - 1 | 1) + (lengthBytes > 1 ? 1 : 0);
        ulong alignment = (flags & VmallocFlags.IoRemap) != 0 ? 1UL << Math.Clamp(order, PageShift, IoRemapShiftMax) : 1UL << shift;
        vm = 0;
        if (!slabs.Kmalloc.TryAllocate(cpu, VmStruct.SizeBytes, GfpFlags.Kernel | GfpFlags.Zero, out PhysAddr place))
        {
            return false;
        }

        ulong length = (flags & VmallocFlags.NoGuard) != 0 ? lengthBytes : lengthBytes + PageBytes;
        if (!TryAllocateRange(cpu, length, alignment, range, out ulong area))
        {
            slabs.Kmalloc.Free(cpu, place);
            return false;
        }

        vm = place.Value;
        busy.At(area).Vm = vm;
        Vm(vm) = new VmStruct { Address = busy.At(area).Start, LengthBytes = length, Flags = (uint)flags, Shift = shift, Caller = caller };
        return true;
    }

    private bool TryAllocateRange(CpuId cpu, ulong lengthBytes, ulong alignment, VmallocRange range, out ulong area)
    {
        int node = cpu.Value % poolPlaces.Length;
        area = 0;
        bool isPooled = range == wholeRange && TryTakeFromPool(node, lengthBytes, alignment, out area);
        if (!isPooled && !TryTakeFromTree(cpu, lengthBytes, alignment, range, out area))
        {
            // overflow: everything that can be freed is freed, once.
            PurgeBlocks(cpu);
            Purge(cpu, isFull: true);
            if (!TryTakeFromTree(cpu, lengthBytes, alignment, range, out area))
            {
                Print($"vmap allocation for size {lengthBytes} failed: use vmalloc=<size> to increase size\n");
                return false;
            }
        }

        // An area of another range never goes to a pool: its addresses are not vmalloc's.
        busy.At(area).PoolNodePlusOne = range == wholeRange ? (uint)node + 1 : 0;
        (busy.At(area).Vm, busy.At(area).Flags, busy.At(area).Block) = (0, VmapAreaFlags.None, 0);
        busy.Insert(area);
        return true;
    }

    private bool TryTakeFromTree(CpuId cpu, ulong lengthBytes, ulong alignment, VmallocRange range, out ulong area)
    {
        area = 0;
        ulong found = free.FindLowest(lengthBytes, alignment, range.Start.Value);
        ulong taken = found == 0 ? 0 : VmapTree.Fit(free.At(found), lengthBytes, alignment, range.Start.Value);
        return taken != 0 && taken <= range.End.Value - lengthBytes && free.TryTake(cpu, found, taken, lengthBytes, GfpFlags.Kernel, out area);
    }

    // remove_vm_area(): unmapped at once, purged later.
    private bool TryRemove(CpuId cpu, VirtAddr address, string who, out ulong vm)
    {
        vm = 0;
        ulong area = address.Value % PageBytes == 0 ? busy.Find(address.Value) : 0;
        if (area == 0 || busy.At(area).Start != address.Value || !IsVm(busy.At(area).Vm))
        {
            string what = address.Value % PageBytes != 0 ? "bad address" : "nonexistent vm area";
            Report($"Trying to {who} {what} (0x{address.Value:x16})", 0, address.Value);
            return false;
        }

        vm = busy.At(area).Vm;
        FreeLazily(cpu, area);
        return true;
    }

    // Takes back an area that was never used: nothing of it may stay mapped.
    private void Drop(CpuId cpu, ulong vm)
    {
        ulong area = busy.Find(Vm(vm).Address);
        if (area != 0)
        {
            FreeLazily(cpu, area);
        }

        slabs.Kmalloc.Free(cpu, new PhysAddr(vm));
    }

    private void FreeLazily(CpuId cpu, ulong area)
    {
        PutLazy(cpu, area);
        if (State.LazyPages > LazyPagesMax)
        {
            Purge(cpu, isFull: false);
        }
    }

    private void PutLazy(CpuId cpu, ulong area)
    {
        busy.Remove(area);
        ref VmapArea gone = ref busy.At(area);
        ulong length = gone.End - gone.Start;
        mapper.Unmap(cpu, new VirtAddr(gone.Start), length);
        (gone.Vm, gone.Flags, gone.Block) = (0, VmapAreaFlags.None, 0);
        gone.Next = State.LazyFirst;
        State.LazyFirst = area;
        State.LazyAreas++;
        State.LazyPages += length >> PageShift;
    }

    // __purge_vmap_area_lazy(): one flush for all that is lazily freed, and for a range of the caller's.
    private void Purge(CpuId cpu, bool isFull, ulong first = ulong.MaxValue, ulong last = 0)
    {
        for (int node = 0; node < poolPlaces.Length; node++)
        {
            DecayPools(cpu, node, isFull);
        }

        List<ulong> lazy = ListOf(State.LazyFirst);
        State.LazyFirst = 0;
        State.LazyPages = 0;
        State.LazyAreas = 0;
        foreach (ulong area in lazy)
        {
            first = Math.Min(first, free.At(area).Start);
            last = Math.Max(last, free.At(area).End);
        }

        if (last != 0)
        {
            mapper.Flush(cpu, new VirtAddr(first), new VirtAddr(last));
        }

        foreach (ulong area in lazy)
        {
            if (isFull || !TryPutInPool(area))
            {
                free.Merge(cpu, area);
            }
        }
    }

    // One list a length of 1 to 256 pages; the last freed is taken first (node_pool_del_va).
    private bool TryTakeFromPool(int node, ulong lengthBytes, ulong alignment, out ulong area)
    {
        area = 0;
        if (lengthBytes >> PageShift > PoolCount)
        {
            return false;
        }

        ref ulong head = ref PoolHead(node, lengthBytes);
        if (head == 0 || !free.IsArea(head) || free.At(head).Start % alignment != 0 || free.At(head).End - free.At(head).Start != lengthBytes)
        {
            return false;
        }

        area = head;
        head = free.At(area).Next;
        return true;
    }

    private bool TryPutInPool(ulong area)
    {
        ref VmapArea put = ref free.At(area);
        ulong length = put.End - put.Start;
        uint node = unchecked(put.PoolNodePlusOne - 1);
        if (length >> PageShift > PoolCount || node >= (uint)poolPlaces.Length)
        {
            return false;
        }

        ref ulong head = ref PoolHead((int)node, length);
        put.Next = head;
        head = area;
        return true;
    }

    // decay_va_pool_node(): a quarter of each pool, or all of it.
    private void DecayPools(CpuId cpu, int node, bool isFull)
    {
        for (ulong pages = 1; pages <= PoolCount; pages++)
        {
            if (PoolHead(node, pages << PageShift) == 0)
            {
                continue;
            }

            List<ulong> pool = ListOf(PoolHead(node, pages << PageShift));
            int count = isFull ? pool.Count : pool.Count / 4;
            PoolHead(node, pages << PageShift) = count < pool.Count ? pool[count] : 0;
            foreach (ulong area in pool.Take(count))
            {
                free.Merge(cpu, area);
            }
        }
    }

    private ref ulong PoolHead(int node, ulong lengthBytes) =>
        ref memory.GetRef<ulong>(poolPlaces[node] + (((lengthBytes >> PageShift) - 1) * sizeof(ulong)));

    private List<ulong> ListOf(ulong first)
    {
        List<ulong> found = [];
        for (ulong next = first; next != 0 && found.Count < ListMax; next = free.At(next).Next)
        {
            if (!free.IsArea(next))
            {
                Report("vmap_area list", 0, next);
                break;
            }

            found.Add(next);
        }

        return found;
    }

    private bool IsVm(ulong vm) => vm != 0 && slabs.Kmalloc.SizeOf(new PhysAddr(vm)) >= VmStruct.SizeBytes && memory.Contains(new PhysAddr(vm), VmStruct.SizeBytes);
}
