using System.Globalization;
using Engine.Core.Arena;
using Engine.Core.Slab;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel.Dma;

/// <summary>A contiguous memory area (mm/cma.c): movable pages may use it until a device needs a range of it.</summary>
public sealed class CmaArea
{
    private readonly SlabSystem slabs;
    private readonly PhysAddr bitmap;

    internal CmaArea(SlabSystem slabs, Pfn start, uint pageCount)
    {
        this.slabs = slabs;
        (Start, PageCount) = (start, pageCount);
        if (!slabs.Kmalloc.TryAllocate(new CpuId(0), (pageCount + 7) / 8, GfpFlags.Kernel | GfpFlags.Zero, out bitmap))
        {
            throw new InsufficientMemoryException("the simulated memory has no room for a CMA area's bitmap");
        }
    }

    /// <summary>Its first frame.</summary>
    public Pfn Start { get; }

    /// <summary>Its frames.</summary>
    public uint PageCount { get; }

    /// <summary>Frames that devices have.</summary>
    public uint UsedPages => (uint)Enumerable.Range(0, (int)PageCount).Count(index => IsUsed((uint)index));

    private PhysicalMemory Memory => slabs.Pages.Memory;

    /// <summary>Takes a range, moving away what is in it (<c>cma_alloc</c>): the first that can be had.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="count">Frames.</param>
    /// <param name="start">The first frame, aligned to its size up to 1 MiB.</param>
    public bool TryAllocate(CpuId cpu, uint count, out Pfn start)
    {
        const uint AlignmentMax = 256;
        uint alignment = Math.Min(System.Numerics.BitOperations.RoundUpToPowerOf2(Math.Max(count, 1)), AlignmentMax);
        start = Pfn.None;
        for (uint first = 0; count != 0 && first + count <= PageCount; first += alignment)
        {
            if (IsFree(first, count) && slabs.Pages.TryAllocateRange(cpu, Start + first, count))
            {
                Mark(first, count, isUsed: true);
                start = Start + first;
                return true;
            }
        }

        slabs.Print(string.Create(CultureInfo.InvariantCulture, $"cma: cma_alloc: reserved: alloc failed, req-size: {count} pages, ret: -12\n"));
        return false;
    }

    /// <summary>Gives a range back (<c>cma_release</c>).</summary>
    /// <returns>False, with nothing changed, where it is not wholly this area's, or not in use.</returns>
    public bool TryRelease(CpuId cpu, Pfn start, uint count)
    {
        if (start < Start || count > PageCount || start - Start > PageCount - count)
        {
            return false;
        }

        for (uint i = 0; i < count; i++)
        {
            if (!IsUsed(start - Start + i))
            {
                return false;
            }
        }

        for (uint i = 0; i < count; i++)
        {
            slabs.Pages.Free(cpu, start + i, Order.Zero);
        }

        Mark(start - Start, count, isUsed: false);
        return true;
    }

    private bool IsUsed(uint index) => Memory.TryRead(bitmap + (index >> 3), out byte bits) && (bits >> (int)(index & 7) & 1) != 0;

    private bool IsFree(uint first, uint count)
    {
        for (uint i = 0; i < count; i++)
        {
            if (IsUsed(first + i))
            {
                return false;
            }
        }

        return true;
    }

    private void Mark(uint first, uint count, bool isUsed)
    {
        for (uint index = first; index < first + count; index++)
        {
            ref byte bits = ref Memory.GetRef<byte>(bitmap + (index >> 3));
            bits = (byte)(isUsed ? bits | (1 << (int)(index & 7)) : bits & ~(1 << (int)(index & 7)));
        }
    }
}
