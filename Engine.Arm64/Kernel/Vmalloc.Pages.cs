using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel;

/// <content>An area's frames: <c>__vmalloc_area_node</c>, <c>vm_area_alloc_pages</c>.</content>
public sealed partial class Vmalloc
{
    // Arrays of arrays of frame numbers: three levels hold more than any machine has.
    private const int ArrayDepthMax = 4;

    private bool TryAllocatePages(CpuId cpu, ulong vm, ulong lengthBytes, int shift, GfpFlags gfp)
    {
        int order = shift - PageShift;
        ulong blocks = lengthBytes >> shift;
        if (!TryAllocateArray(cpu, vm, blocks * sizeof(ulong)))
        {
            return false;
        }

        Vm(vm).PageOrder = order;
        GfpFlags flags = (gfp & (GfpFlags.Dma | GfpFlags.Dma32)) != 0 ? gfp | GfpFlags.NoWarn : gfp | GfpFlags.NoWarn | GfpFlags.HighMem;
        for (ulong i = 0; i < blocks; i++)
        {
            if (!slabs.Pages.TryAllocate(cpu, new Order(order), flags, out Pfn pfn))
            {
                if ((gfp & GfpFlags.NoWarn) == 0 && order == 0)
                {
                    Print($"vmalloc error: size {lengthBytes}, page order {order}, failed to allocate pages\n");
                }

                return false;
            }

            Entry(vm, i) = pfn.Value;
            Vm(vm).PageCount += 1u << order;
            State.Pages = unchecked(State.Pages + (1u << order));
        }

        return true;
    }

    // An array of more than a page is itself in vmalloc.
    private bool TryAllocateArray(CpuId cpu, ulong vm, ulong lengthBytes)
    {
        if (lengthBytes > PageBytes)
        {
            bool isFound = TryAllocate(cpu, wholeRange, lengthBytes, GfpFlags.Kernel | GfpFlags.Zero, VmallocFlags.None, Vm(vm).Caller, PageShift, out VirtAddr array);
            Vm(vm).PagesAddress = array.Value;
            return isFound;
        }

        bool isAllocated = slabs.Kmalloc.TryAllocate(cpu, lengthBytes, GfpFlags.Kernel | GfpFlags.Zero, out PhysAddr place);
        Vm(vm).Pages = place.Value;
        return isAllocated;
    }

    private bool TryMapPages(CpuId cpu, ulong vm, ulong lengthBytes, int shift)
    {
        VirtAddr address = new(Vm(vm).Address);
        for (ulong i = 0; i < lengthBytes >> shift; i++)
        {
            PhysAddr physical = new Pfn(unchecked((uint)Entry(vm, i))).Address;
            if (!mapper.TryMap(cpu, address + (i << shift), physical, 1UL << shift, shift, isDevice: false))
            {
                return false;
            }
        }

        return true;
    }

    private void FreePages(CpuId cpu, ulong vm)
    {
        int order = Math.Clamp(Vm(vm).PageOrder, 0, Order.MaxValue);
        ulong blocks = Vm(vm).Pages == 0 && Vm(vm).PagesAddress == 0 ? 0 : CountBlocks(vm, order);
        for (ulong i = 0; i < blocks; i++)
        {
            slabs.Pages.Free(cpu, new Pfn(unchecked((uint)Entry(vm, i))), new Order(order));
            State.Pages = unchecked(State.Pages - (1u << order));
        }

        ulong array = Vm(vm).PagesAddress;
        slabs.Kmalloc.Free(cpu, new PhysAddr(Vm(vm).Pages));
        if (array != 0 && TryRemove(cpu, new VirtAddr(array), "vfree()", out ulong arrayVm))
        {
            FreePages(cpu, arrayVm);
            slabs.Kmalloc.Free(cpu, new PhysAddr(arrayVm));
        }
    }

    // No area has more pages than there are.
    private ulong CountBlocks(ulong vm, int order) => Math.Min(Vm(vm).PageCount, memory.LengthBytes >> PageShift) >> order;

    // The place of a block's first frame number.
    private ref ulong Entry(ulong vm, ulong index, int depth = 0)
    {
        ref VmStruct area = ref Vm(vm);
        ulong offset = index * sizeof(ulong);
        PhysAddr place = new(unchecked(area.Pages + offset));
        if (area.Pages == 0)
        {
            ulong array = busy.Find(area.PagesAddress);
            bool isFound = depth < ArrayDepthMax && array != 0 && IsVm(busy.At(array).Vm);
            place = isFound ? new Pfn(unchecked((uint)Entry(busy.At(array).Vm, offset >> PageShift, depth + 1))).Address + (offset & (PageBytes - 1)) : default;
        }

        if (place.Value % sizeof(ulong) != 0 || !memory.Contains(place, sizeof(ulong)))
        {
            Report("vm_struct pages", 0, area.Pages == 0 ? area.PagesAddress : area.Pages);
            place = statePlace + VmallocState.ScratchOffset;
        }

        return ref memory.GetRef<ulong>(place);
    }
}
