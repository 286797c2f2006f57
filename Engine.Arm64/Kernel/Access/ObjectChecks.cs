// Hardened usercopy (mm/usercopy.c, __check_heap_object in mm/slub.c): the kernel's side of a copy lies within one object that may be
// copied: a kmalloc object (the other caches' objects may not be copied at all), a compound page, a vmalloc area; and never in the
// kernel's code.

using System.Globalization;
using Engine.Arm64.Kernel.Map;
using Engine.Arm64.Units;
using Engine.Core.Diagnostics;
using Engine.Core.Slab;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel.Access;

/// <summary>Checks the kernel's side of copies to and from user space.</summary>
internal sealed class ObjectChecks(SlabSystem slabs, KernelMap? map, Vmalloc? vmalloc)
{
    /// <summary>Whether a copy stays within one object. Where not, that is a BUG: printed and reported.</summary>
    /// <param name="address">The kernel's side.</param>
    /// <param name="lengthBytes">Bytes.</param>
    /// <param name="isToUser">Whether the copy reads the object.</param>
    public bool TryCheck(VirtAddr address, ulong lengthBytes, bool isToUser)
    {
        if (lengthBytes == 0)
        {
            return true;
        }

        ulong at = address.Value;
        ulong last = unchecked(at + lengthBytes - 1);
        if (last < at)
        {
            return Abort("wrapped address", null, isToUser, 0, unchecked(at + lengthBytes));
        }

        if (at <= KmallocCaches.ZeroSize.ToUInt64())
        {
            return Abort("null address", null, isToUser, at, lengthBytes);
        }

        return (map is null || CheckText(map, at, lengthBytes, isToUser)) && CheckHeap(address, lengthBytes, isToUser);
    }

    private bool CheckText(KernelMap kernelMap, ulong at, ulong lengthBytes, bool isToUser)
    {
        KernelSegment text = kernelMap.Image.Text;
        ulong alias = kernelMap.ToLinear(text.Physical).Value;
        return Overlaps(at, lengthBytes, text.Start.Value, text.LengthBytes) ? Abort("kernel text", null, isToUser, at - text.Start.Value, lengthBytes)
            : !Overlaps(at, lengthBytes, alias, text.LengthBytes) || Abort("linear kernel text", null, isToUser, at - alias, lengthBytes);
    }

    private bool CheckHeap(VirtAddr address, ulong lengthBytes, bool isToUser)
    {
        if (vmalloc is not null && address >= KernelLayout.VmallocStart && address < KernelLayout.VmallocEnd)
        {
            return !vmalloc.TryFindArea(address, out VmallocRange area) ? Abort("vmalloc", "no area", isToUser, 0, lengthBytes)
                : lengthBytes <= area.End - address || Abort("vmalloc", null, isToUser, address - area.Start, lengthBytes);
        }

        if (map is null || !map.TryToPhysical(address, out PhysAddr physical))
        {
            return true;
        }

        if (slabs.Arena.TryGetSlabOf(physical.Value, out SlabPage slab) && slabs.TryFindCache(physical, out SlabCache? cache))
        {
            return CheckObject(cache, (physical.Value - slab.Start) % (ulong)cache.Geometry.SizeBytes, lengthBytes, isToUser);
        }

        Pfn head = slabs.Pages.GetHead(physical.Pfn);
        ulong offset = physical.Value - head.Address.Value;
        return !slabs.Pages.IsCompound(head) || lengthBytes <= slabs.Pages.GetOrder(head).LengthBytes - offset
            || Abort("page alloc", null, isToUser, offset, lengthBytes);
    }

    private bool CheckObject(SlabCache cache, ulong offset, ulong lengthBytes, bool isToUser)
    {
        if ((cache.Flags & SlabFlags.RedZone) != 0)
        {
            ulong pad = (ulong)cache.Geometry.RedLeftPadBytes;
            if (offset < pad)
            {
                return Abort("SLUB object in left red zone", cache.Name, isToUser, offset, lengthBytes);
            }

            offset -= pad;
        }

        ulong usable = cache.Name.StartsWith("kmalloc", StringComparison.Ordinal) || cache.Name.StartsWith("dma-kmalloc", StringComparison.Ordinal)
            ? (ulong)cache.Geometry.ObjectBytes
            : 0;
        return (offset <= usable && lengthBytes <= usable - offset) || Abort("SLUB object", cache.Name, isToUser, offset, lengthBytes);
    }

    // usercopy_abort()
    private bool Abort(string name, string? detail, bool isToUser, ulong offset, ulong lengthBytes)
    {
        string text = string.Create(
            CultureInfo.InvariantCulture,
            $"usercopy: Kernel memory {(isToUser ? "exposure" : "overwrite")} attempt detected {(isToUser ? "from" : "to")} {name}{(detail is null ? "" : $" '{detail}'")} (offset {offset}, size {lengthBytes})!");
        slabs.Print(text + "\n");
        slabs.Pages.Log.Report(new Corruption(CorruptionCategory.KernelAccess, text, default, 0, offset));
        return false;
    }

    private static bool Overlaps(ulong at, ulong lengthBytes, ulong start, ulong spanBytes) => at < start + spanBytes && start < at + lengthBytes;
}
