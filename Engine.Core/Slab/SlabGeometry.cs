// How a cache's objects lie in a slab, and how large a slab is: calculate_sizes(), calculate_order(),
// calculate_alignment(), set_min_partial() and set_cpu_partial() of mm/slub.c and mm/slab_common.c, Linux v6.9.
//
// One object, from its lowest address (parts that no option asks for are absent):
//
//   | red zone, left | object                 | red zone or   | free     | 2 tracks | original | red zone | padding to     |
//   | RedLeftPad     | ObjectBytes            | slack, to 8   | pointer  | of 32    | size, 4  | pad, 8   | the alignment  |
//   ^ slot start     ^ the address handed out                 ^ InUse
//
// Without debug options the free pointer lies in the middle of the (free) object, where a small overrun of the object
// below or above does not reach it.

using System.Numerics;
using Engine.Core.Units;

namespace Engine.Core.Slab;

/// <summary>The sizes, offsets and limits of one cache, computed once when it is created.</summary>
public sealed record SlabGeometry
{
    /// <summary>Bytes of one <c>struct track</c>: address 8, stack handle 4, CPU 4, process 4, padding 4, time 8.</summary>
    public const int TrackBytes = 32;

    /// <summary>Bytes of a free pointer.</summary>
    public const int PointerBytes = 8;

    /// <summary>The largest slab that <see cref="Compute"/> prefers, as an order (<c>slub_max_order</c>).</summary>
    public const int PreferredOrderMax = 3;

    /// <summary>The most objects in one slab (<c>MAX_OBJS_PER_PAGE</c>).</summary>
    public const int ObjectsPerSlabMax = 32767;

    private const int CacheLineBytes = 64;

    private SlabGeometry()
    {
    }

    /// <summary>Bytes that the user of an object asked for (<c>object_size</c>).</summary>
    public required int ObjectBytes { get; init; }

    /// <summary>Bytes from one object to the next, with metadata (<c>size</c>).</summary>
    public required int SizeBytes { get; init; }

    /// <summary>Alignment of an object in bytes (<c>align</c>).</summary>
    public required int AlignmentBytes { get; init; }

    /// <summary>Offset in bytes from the object to its metadata (<c>inuse</c>).</summary>
    public required int InUseBytes { get; init; }

    /// <summary>Offset in bytes from the object to its free pointer (<c>offset</c>).</summary>
    public required int FreePointerOffset { get; init; }

    /// <summary>Bytes of red zone before the object (<c>red_left_pad</c>); 0 without red zones.</summary>
    public required int RedLeftPadBytes { get; init; }

    /// <summary>The order that a slab is first tried at (<c>oo</c>).</summary>
    public required Order SlabOrder { get; init; }

    /// <summary>The order that a slab falls back to where memory is short (<c>min</c>).</summary>
    public required Order FallbackOrder { get; init; }

    /// <summary>Empty slabs beyond this many partial ones are given back (<c>min_partial</c>).</summary>
    public required int MinPartial { get; init; }

    /// <summary>Objects that a CPU's partial list should hold (<c>cpu_partial</c>).</summary>
    public required int CpuPartialObjects { get; init; }

    /// <summary>Whether free objects carry the poison pattern (<c>__OBJECT_POISON</c>).</summary>
    public required bool IsObjectPoisoned { get; init; }

    /// <summary>Objects in a slab of <see cref="SlabOrder"/>.</summary>
    public int ObjectsPerSlab => (int)(SlabOrder.LengthBytes / (ulong)SizeBytes);

    /// <summary>Frames in a slab of <see cref="SlabOrder"/>.</summary>
    public int PagesPerSlab => (int)SlabOrder.PageCount;

    /// <summary>Slabs that a CPU's partial list holds before it is drained (<c>cpu_partial_slabs</c>).</summary>
    public int CpuPartialSlabs => (CpuPartialObjects * 2 + ObjectsPerSlab - 1) / ObjectsPerSlab;

    /// <summary>Whether the free pointer lies beyond the object (<c>freeptr_outside_object</c>).</summary>
    public bool IsFreePointerOutside => FreePointerOffset >= InUseBytes;

    /// <summary>Computes a cache's geometry.</summary>
    /// <param name="objectBytes">1..4 MiB.</param>
    /// <param name="alignmentBytes">A power of two, or 0.</param>
    /// <param name="flags">What the cache is for, and which checks are on.</param>
    /// <param name="hasConstructor">Whether objects keep their content while they are free.</param>
    /// <param name="cpuCount">CPUs of the machine: more CPUs get larger slabs.</param>
    /// <exception cref="ArgumentOutOfRangeException">The size or alignment is not possible.</exception>
    public static SlabGeometry Compute(int objectBytes, int alignmentBytes, SlabFlags flags, bool hasConstructor, int cpuCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(objectBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(objectBytes, (int)Order.Max.LengthBytes);
        if (alignmentBytes < 0 || alignmentBytes > (int)Order.Max.LengthBytes || (alignmentBytes & (alignmentBytes - 1)) != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(alignmentBytes), alignmentBytes, "expected a power of two up to 4 MiB, or 0");
        }

        int alignment = ComputeAlignment(objectBytes, alignmentBytes, flags);
        bool hasRedZone = (flags & SlabFlags.RedZone) != 0;
        bool keepsOriginalSize = (flags & SlabFlags.Kmalloc) != 0 && (flags & SlabFlags.StoreUser) != 0;
        int size = Align(objectBytes, PointerBytes);
        size += hasRedZone && size == objectBytes ? PointerBytes : 0;
        int inUse = size;
        bool isOutside = keepsOriginalSize || (flags & (SlabFlags.TypesafeByRcu | SlabFlags.Poison)) != 0
            || (hasRedZone && objectBytes < PointerBytes) || hasConstructor;
        int freePointerOffset = isOutside ? size : (objectBytes / 2) & -PointerBytes;
        size += isOutside ? PointerBytes : 0;
        size += (flags & SlabFlags.StoreUser) != 0 ? 2 * TrackBytes : 0;
        size += keepsOriginalSize ? sizeof(uint) : 0;
        int redLeftPad = hasRedZone ? Align(PointerBytes, alignment) : 0;
        size += hasRedZone ? PointerBytes + redLeftPad : 0;
        size = Align(size, alignment);
        int order = ComputeOrder(size, cpuCount);
        return new SlabGeometry
        {
            ObjectBytes = objectBytes,
            SizeBytes = size,
            AlignmentBytes = alignment,
            InUseBytes = inUse,
            FreePointerOffset = freePointerOffset,
            RedLeftPadBytes = redLeftPad,
            SlabOrder = new Order(order),
            FallbackOrder = new Order(GetOrder((ulong)size)),
            MinPartial = Math.Clamp(BitOperations.Log2((uint)size) / 2, 5, 10),
            CpuPartialObjects = (flags & SlabFlags.DebugMask) != 0 ? 0 : size switch { >= Pfn.PageSizeBytes => 6, >= 1024 => 24, >= 256 => 52, _ => 120 },
            IsObjectPoisoned = (flags & SlabFlags.Poison) != 0 && (flags & SlabFlags.TypesafeByRcu) == 0 && !hasConstructor,
        };
    }

    /// <summary>The alignment that a cache gets (<c>calculate_alignment</c>).</summary>
    internal static int ComputeAlignment(int objectBytes, int alignmentBytes, SlabFlags flags)
    {
        int alignment = alignmentBytes;
        if ((flags & SlabFlags.HwCacheAlign) != 0)
        {
            int line = CacheLineBytes;
            while (objectBytes <= line / 2)
            {
                line /= 2;
            }

            alignment = Math.Max(alignment, line);
        }

        return Align(Math.Max(alignment, PointerBytes), PointerBytes);
    }

    /// <summary>The smallest order that holds <paramref name="bytes"/> bytes (<c>get_order</c>).</summary>
    internal static int GetOrder(ulong bytes)
    {
        ulong pages = (bytes + Pfn.PageSizeBytes - 1) >> Pfn.PageShift;
        return pages <= 1 ? 0 : BitOperations.Log2(pages - 1) + 1;
    }

    // calculate_order(): the smallest order that wastes at most a sixteenth, then an eighth, and so on.
    private static int ComputeOrder(int size, int cpuCount)
    {
        ulong bytes = (ulong)size;
        int objectsMin = 4 * (BitOperations.Log2((uint)cpuCount) + 2);
        int objectsMax = Math.Max(1, (Pfn.PageSizeBytes << PreferredOrderMax) / size);
        objectsMin = Math.Min(objectsMin, objectsMax);
        int orderMin = GetOrder((ulong)objectsMin * bytes);
        if (((ulong)Pfn.PageSizeBytes << orderMin) / bytes > ObjectsPerSlabMax)
        {
            return GetOrder(bytes * ObjectsPerSlabMax) - 1;
        }

        for (ulong fraction = 16; fraction > 1; fraction /= 2)
        {
            for (int order = orderMin; order <= PreferredOrderMax; order++)
            {
                ulong slabBytes = (ulong)Pfn.PageSizeBytes << order;
                if (slabBytes % bytes <= slabBytes / fraction)
                {
                    return order;
                }
            }
        }

        int single = GetOrder(bytes);
        return single <= Order.MaxValue
            ? single
            : throw new ArgumentOutOfRangeException(nameof(size), size, "an object with its metadata must fit in a block of order 10");
    }

    private static int Align(int value, int alignment) => (value + alignment - 1) & -alignment;
}
