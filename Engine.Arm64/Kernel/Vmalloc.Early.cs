using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel;

/// <content>What the kernel image takes of the range, and the bookkeeping's size.</content>
public sealed partial class Vmalloc
{
    /// <summary>Bytes of the structures that say which addresses are whose: areas, their uses, pools and arrays of frame numbers.</summary>
    public ulong BookkeepingBytes
    {
        get
        {
            lock (gate)
            {
                ulong bytes = (ulong)(VmallocState.SizeBytes + (poolPlaces.Length * PoolCount * sizeof(ulong)));
                bytes += (ulong)(busy.List().Count + free.List().Count + ListOf(State.LazyFirst).Count) * VmapArea.SizeBytes;
                foreach (ulong area in busy.List().Where(area => IsVm(busy.At(area).Vm)))
                {
                    ref VmStruct vm = ref Vm(busy.At(area).Vm);
                    bytes += VmStruct.SizeBytes + ((ulong)(vm.PageCount >> Math.Clamp(vm.PageOrder, 0, Order.MaxValue)) * sizeof(ulong));
                }

                return bytes + ((ulong)Blocks().Count * VmapBlock.SizeBytes) + ((ulong)slabs.CpuCount * sizeof(ulong));
            }
        }
    }

    /// <summary>The area that holds an address (<c>find_vmap_area</c>), its guard page included.</summary>
    /// <param name="address">Any address.</param>
    /// <param name="area">The area.</param>
    /// <returns>False where there is none.</returns>
    public bool TryFindArea(VirtAddr address, out VmallocRange area)
    {
        lock (gate)
        {
            ulong found = busy.Find(address.Value);
            area = found == 0 ? default : new VmallocRange(new VirtAddr(busy.At(found).Start), new VirtAddr(busy.At(found).End));
            return found != 0;
        }
    }

    /// <summary>Notes what is mapped before vmalloc exists, without a guard page (<c>vm_area_add_early</c>, <c>declare_kernel_vmas</c>).</summary>
    /// <exception cref="ArgumentException">The range is not free.</exception>
    /// <exception cref="InsufficientMemoryException">No memory for the structures.</exception>
    internal void AddEarly(VirtAddr first, ulong lengthBytes, PhysAddr physical)
    {
        CpuId boot = new(0);
        lock (gate)
        {
            ulong found = free.Find(first.Value);
            if (found == 0 || lengthBytes > free.At(found).End - first.Value)
            {
                throw new ArgumentException($"{lengthBytes} bytes at {first} are not free", nameof(first));
            }

            if (!slabs.Kmalloc.TryAllocate(boot, VmStruct.SizeBytes, GfpFlags.Kernel | GfpFlags.Zero, out PhysAddr place)
                || !free.TryTake(boot, found, first.Value, lengthBytes, GfpFlags.Kernel, out ulong area))
            {
                throw new InsufficientMemoryException("no memory for the kernel image's vm_area");
            }

            busy.At(area).Vm = place.Value;
            busy.Insert(area);
            VmallocFlags flags = VmallocFlags.Map | VmallocFlags.NoGuard;
            Vm(place.Value) = new VmStruct
            {
                Address = first.Value,
                LengthBytes = lengthBytes,
                Flags = (uint)flags,
                Shift = PageShift,
                Physical = physical.Value,
            };
        }
    }
}
