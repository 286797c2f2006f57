// kmalloc (mm/slab_common.c, include/linux/slab.h, Linux v6.9): caches of 13 sizes in four families; what is larger than
// two pages comes from the page allocator as a block of its own, marked in its first frame's descriptor.

using System.Numerics;
using System.Runtime.CompilerServices;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Core.Slab;

/// <summary>Memory by size: <c>kmalloc</c>, <c>kfree</c>, <c>ksize</c>, <c>krealloc</c>.</summary>
public sealed class KmallocCaches
{
    /// <summary>The largest size that comes from a cache (<c>KMALLOC_MAX_CACHE_SIZE</c>).</summary>
    public const int CacheBytesMax = 8192;

    /// <summary>The largest size in bytes (<c>KMALLOC_MAX_SIZE</c>).</summary>
    public const ulong BytesMax = (ulong)Pfn.PageSizeBytes << Order.MaxValue;

    /// <summary>What a request of 0 bytes gets: no memory, but not a failure (<c>ZERO_SIZE_PTR</c>).</summary>
    public static readonly PhysAddr ZeroSize = new(0x10);

    private const int FamilyCount = 4;
    private const int IndexCount = 14;
    private const int SmallBytesMax = 192;
    private const GfpFlags FamilyMask = GfpFlags.Dma | GfpFlags.Reclaimable | GfpFlags.Account;

    // The cache of (size - 1) / 8, up to 192 bytes: indexes 3..8 are powers of two, 1 is 96 and 2 is 192.
    private static readonly byte[] SmallIndex = [3, 4, 5, 5, 6, 6, 6, 6, 1, 1, 1, 1, 7, 7, 7, 7, 2, 2, 2, 2, 2, 2, 2, 2];
    private static readonly int[] CreationOrder = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13];
    private static readonly int[] IndexBytes = [0, 96, 192, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192];
    private static readonly string[] IndexNames = ["", "96", "192", "8", "16", "32", "64", "128", "256", "512", "1k", "2k", "4k", "8k"];
    private static readonly string[] Prefixes = ["kmalloc-", "kmalloc-rcl-", "dma-kmalloc-", "kmalloc-cg-"];

    private readonly SlabSystem system;
    private readonly SlabCache[] caches = new SlabCache[FamilyCount * IndexCount];
    private long largePages;

    /// <summary>Creates the caches of all families (<c>create_kmalloc_caches</c>).</summary>
    /// <exception cref="InsufficientMemoryException">No memory for the caches' bookkeeping.</exception>
    internal KmallocCaches(SlabSystem system)
    {
        this.system = system;
        for (int family = 0; family < FamilyCount; family++)
        {
            foreach (int index in CreationOrder)
            {
                Create(family, index);
            }
        }
    }

    /// <summary>Frames in blocks that were too large for a cache.</summary>
    public ulong LargePages => (ulong)Interlocked.Read(ref largePages);

    /// <summary>The cache that serves a size (<c>kmalloc_slab</c>).</summary>
    /// <param name="family">Which family.</param>
    /// <param name="sizeBytes">1..<see cref="CacheBytesMax"/>.</param>
    public SlabCache CacheOf(KmallocFamily family, int sizeBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sizeBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sizeBytes, CacheBytesMax);
        return caches[((int)family * IndexCount) + IndexOf((uint)sizeBytes)];
    }

    /// <summary>Takes memory (<c>kmalloc</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="sizeBytes">Bytes; 0 gives <see cref="ZeroSize"/>.</param>
    /// <param name="gfp">Where from, and what may be done to get it.</param>
    /// <param name="address">The first byte; a size that is a power of two is aligned to itself.</param>
    /// <returns>False where no memory could be had, or the size is above <see cref="BytesMax"/>.</returns>
    public bool TryAllocate(CpuId cpu, ulong sizeBytes, GfpFlags gfp, out PhysAddr address)
    {
        if (unchecked(sizeBytes - 1) >= CacheBytesMax)
        {
            return TryAllocateUnusual(cpu, SlabCache.AnyNode, sizeBytes, gfp, out address);
        }

        SlabCache cache = CacheOf(gfp, sizeBytes);
        return cache.IsChecked
            ? cache.TryAllocateOnNode(cpu, SlabCache.AnyNode, gfp, (int)sizeBytes, out address)
            : cache.TryAllocate(cpu, gfp, out address);
    }

    /// <summary>Takes memory of a NUMA node (<c>kmalloc_node</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="node">The node, or <see cref="SlabCache.AnyNode"/>.</param>
    /// <param name="sizeBytes">As for <see cref="TryAllocate"/>.</param>
    /// <param name="gfp">Where from, and what may be done to get it; <see cref="GfpFlags.ThisNode"/> allows no other node.</param>
    /// <param name="address">The first byte.</param>
    /// <returns>False where no memory could be had.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The machine has no such node.</exception>
    public bool TryAllocateOnNode(CpuId cpu, int node, ulong sizeBytes, GfpFlags gfp, out PhysAddr address) =>
        unchecked(sizeBytes - 1) >= CacheBytesMax
            ? TryAllocateUnusual(cpu, system.FindMemoryNode(node), sizeBytes, gfp, out address)
            : CacheOf(gfp, sizeBytes).TryAllocateOnNode(cpu, node, gfp, (int)sizeBytes, out address);

    /// <summary>Gives memory back (<c>kfree</c>). Address 0 and <see cref="ZeroSize"/> are no-ops; what is not from <c>kmalloc</c> or a cache is reported and left alone.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">The first byte.</param>
    public void Free(CpuId cpu, PhysAddr address)
    {
        SlabTag tag = system.Arena.TagOf(address.Value);
        if (tag.IsSlab && system.FindByNumber(tag.Number) is { } cache)
        {
            cache.Free(cpu, address);
        }
        else if (address.Value > ZeroSize.Value)
        {
            FreeLarge(cpu, address, tag);
        }
    }

    /// <summary>How many bytes may be used at an address (<c>ksize</c>); 0 for what is not from <c>kmalloc</c> or a cache.</summary>
    public ulong SizeOf(PhysAddr address)
    {
        SlabTag tag = system.Arena.TagOf(address.Value);
        return tag.IsLarge && address.PageOffset == 0 ? (ulong)Pfn.PageSizeBytes << tag.Order
            : tag.IsSlab && system.FindByNumber(tag.Number) is { } cache ? (ulong)cache.GetUsableBytes(address.Value)
            : 0;
    }

    /// <summary>Changes a size, moving the content where it must (<c>krealloc</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">As <see cref="TryAllocate"/> gave it, or 0.</param>
    /// <param name="sizeBytes">The new size; 0 frees.</param>
    /// <param name="gfp">As for <see cref="TryAllocate"/>.</param>
    /// <param name="moved">Where the memory is now.</param>
    /// <returns>False where no memory could be had: the old memory stays.</returns>
    public bool TryReallocate(CpuId cpu, PhysAddr address, ulong sizeBytes, GfpFlags gfp, out PhysAddr moved)
    {
        if (sizeBytes == 0)
        {
            Free(cpu, address);
            moved = ZeroSize;
            return true;
        }

        ulong oldBytes = address.Value > ZeroSize.Value ? SizeOf(address) : 0;
        if (oldBytes >= sizeBytes)
        {
            moved = address;
            return true;
        }

        if (!TryAllocate(cpu, sizeBytes, gfp, out moved))
        {
            return false;
        }

        if (oldBytes > 0)
        {
            system.Arena.Memory.GetSpan(address, (int)oldBytes).CopyTo(system.Arena.Memory.GetSpan(moved, (int)oldBytes));
            Free(cpu, address);
        }

        return true;
    }

    private SlabCache CacheOf(GfpFlags gfp, ulong sizeBytes)
    {
        int family = (gfp & FamilyMask) == 0 ? 0 : (int)FamilyOf(gfp);
        return caches[(family * IndexCount) + IndexOf((uint)sizeBytes)];
    }

    // kmalloc_type(): DMA before reclaimable before accounted.
    private static KmallocFamily FamilyOf(GfpFlags gfp) =>
        (gfp & GfpFlags.Dma) != 0 ? KmallocFamily.Dma : (gfp & GfpFlags.Reclaimable) != 0 ? KmallocFamily.Reclaimable : KmallocFamily.Accounted;

    private static int IndexOf(uint sizeBytes) => sizeBytes <= SmallBytesMax ? SmallIndex[(sizeBytes - 1) >> 3] : BitOperations.Log2(sizeBytes - 1) + 1;

    // new_kmalloc_cache(): a machine that needs larger alignment uses the larger caches for the small sizes.
    private void Create(int family, int index)
    {
        int minimum = system.Options.KmallocAlignmentBytes;
        int aligned = minimum > 8 ? IndexOf((uint)((IndexBytes[index] + minimum - 1) / minimum * minimum)) : index;
        ref SlabCache cache = ref caches[(family * IndexCount) + aligned];
        if (cache is null)
        {
            int size = IndexBytes[aligned];
            SlabFlags flags = SlabFlags.Kmalloc | (KmallocFamily)family switch
            {
                KmallocFamily.Reclaimable => SlabFlags.ReclaimAccount,
                KmallocFamily.Dma => SlabFlags.CacheDma,
                KmallocFamily.Accounted => SlabFlags.Account,
                _ => SlabFlags.NoMerge,
            };
            cache = system.CreateUnmerged(Prefixes[family] + IndexNames[aligned], size, BitOperations.IsPow2(size) ? size : 8, flags);
        }

        caches[(family * IndexCount) + index] = cache;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryAllocateUnusual(CpuId cpu, int node, ulong sizeBytes, GfpFlags gfp, out PhysAddr address)
    {
        address = sizeBytes == 0 ? ZeroSize : default;
        if (sizeBytes == 0)
        {
            return true;
        }

        int order = SlabGeometry.GetOrder(Math.Min(sizeBytes, BytesMax + 1));
        if (order > Order.MaxValue)
        {
            if ((gfp & GfpFlags.NoWarn) == 0)
            {
                Report("kmalloc of more than KMALLOC_MAX_SIZE", default, BytesMax, sizeBytes);
            }

            return false;
        }

        // kmalloc_large(): counted as unreclaimable slab memory.
        GfpFlags flags = (gfp & ~FamilyMask) | (gfp & GfpFlags.Dma) | (order > 0 ? GfpFlags.Comp : 0);
        if (!system.TryAllocatePages(cpu, node, new Order(order), flags, out Pfn pfn))
        {
            return false;
        }

        system.Pages.Frames[pfn].Next = SlabTag.OfLarge(order).Word;
        _ = Interlocked.Add(ref largePages, 1L << order);
        address = pfn.Address;
        return true;
    }

    // free_large_kmalloc()
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void FreeLarge(CpuId cpu, PhysAddr address, SlabTag tag)
    {
        if (!tag.IsLarge || tag.Order > Order.MaxValue || address.PageOffset != 0)
        {
            Report($"object pointer: 0x{address.Value:x16}", address, 0, tag.Word);
            return;
        }

        ref Frame frame = ref system.Pages.Frames[address.Pfn];
        frame.Next = 0;
        _ = Interlocked.Add(ref largePages, -(1L << tag.Order));
        system.Pages.Free(cpu, address.Pfn, new Order(tag.Order));
    }

    private void Report(string reason, PhysAddr address, ulong expected, ulong found) =>
        system.Log.Report(new Corruption(CorruptionCategory.Slab, reason, address, expected, found));
}
