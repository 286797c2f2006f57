// A cache of objects of one size, by the rules of Linux's SLUB (mm/slub.c, v6.9).
//
// Where a free object can be, from the hottest place to the coldest:
//   1. the CPU's object stack: addresses in an array that only its CPU touches. An allocation pops, a free pushes;
//   2. the barn: chunks of half a stack, under the node lock, through which CPUs hand objects to each other;
//   3. the CPU slab's freelist, threaded through the free objects; only its CPU touches it;
//   4. the freelist of a slab's own: what was freed to the slab while it was not this CPU's. One compare-and-swap adds to it.
// A slab that is full is on no list. A free into it puts it on the freeing CPU's partial list; when that grows too long
// it moves to the node's partial list; an empty slab beyond min_partial goes back to the page allocator.
// Places 1 and 2 are not in v6.9 (see SlabOptions.UseObjectStacks); caches with debug options or hardened
// freelists do without them, and debug caches take single objects from the node's partial list under its lock.
//
// Files: this one has the fast paths; Slow, Free, Slabs and Barn their roles; Debug the checks and reports; Verify the invariants.

using System.Runtime.CompilerServices;
using Engine.Core.Buddy;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Core.Slab;

/// <summary>A cache of objects of one size (<c>kmem_cache</c>).</summary>
public sealed unsafe partial class SlabCache
{
    // What the fast paths read, fixed when the cache is created.
    private readonly SlabCpu*[] cpus;
    private readonly Frame* firstFrame;
    private readonly ulong memoryStart;
    private readonly ulong memorySpanBytes;
    private readonly ulong slabMask;
    private readonly ulong lastObjectProduct;
    private readonly ulong divisor;
    private readonly ulong capacity;

    // SAFETY: cpus[i] and the nodes of homes point to pieces of frames that SlabSystem.Carve took when the cache was created and that nothing
    // else uses while it exists. What they hold may be garbage: it is checked before it becomes an address or an index.
    private readonly SlabSystem system;
    private readonly SlabArena arena;
    private readonly NodeGate[] homes;
    private readonly SlabCache root;
    private readonly SlabConstructor? constructor;
    private readonly int number;
    private readonly int[]? shuffle;
    private readonly ulong scramble;
    private int users = 1;

    /// <summary>Creates a named cache that is never merged with another.</summary>
    /// <param name="pages">Where slabs come from.</param>
    /// <param name="name">As in <c>/proc/slabinfo</c>.</param>
    /// <param name="objectBytes">Bytes in an object.</param>
    /// <param name="alignmentBytes">Alignment of an object.</param>
    /// <exception cref="InsufficientMemoryException">No memory for the cache's bookkeeping.</exception>
    public SlabCache(PageAllocator pages, string name, int objectBytes, int alignmentBytes = 8)
        : this(SlabSystem.Of(pages), name, objectBytes, alignmentBytes, AddDebug(pages, name, objectBytes, alignmentBytes), null)
    {
    }

    /// <summary>Creates a cache with slabs of its own.</summary>
    internal SlabCache(SlabSystem system, string name, int objectBytes, int alignmentBytes, SlabFlags flags, SlabConstructor? constructor)
    {
        this.system = system;
        this.constructor = constructor;
        arena = system.Arena;
        root = this;
        Name = name;
        ObjectBytes = objectBytes;
        Flags = flags;
        Geometry = SlabGeometry.Compute(objectBytes, alignmentBytes, flags, constructor is not null, system.CpuCount);
        number = system.Register(this);
        firstFrame = arena.FirstFrame;
        memoryStart = arena.Start;
        memorySpanBytes = arena.SpanBytes;
        ulong size = (ulong)Geometry.SizeBytes;
        divisor = (ulong.MaxValue / size) + 1;
        scramble = system.Options.HardenedFreeLists ? Mix(system.Options.Seed ^ (ulong)number) : 0;
        shuffle = system.Options.RandomFreeLists && Geometry.ObjectsPerSlab >= 2 ? MakeShuffle(Geometry.ObjectsPerSlab, Mix(system.Options.Seed + (ulong)number)) : null;
        bool hasStack = system.Options.UseObjectStacks && !IsDebug && !system.Options.HardenedFreeLists;
        capacity = hasStack ? ComputeCapacity(Geometry.SizeBytes, system.CpuCount) : 0;
        if (!IsDebug && capacity > 0)
        {
            slabMask = Geometry.SlabOrder.LengthBytes - 1;
            lastObjectProduct = unchecked(divisor * (ulong)(Geometry.ObjectsPerSlab - 1) * size);
        }

        (chunkShift, chunksMax) = ComputeBarn(capacity);
        homes = new NodeGate[system.NodeCount];
        for (int i = 0; i < homes.Length; i++)
        {
            homes[i] = new NodeGate((SlabNode*)system.Carve(SlabNode.SizeBytes, number), i);
            InitializeNode(homes[i]);
        }

        cpus = new SlabCpu*[system.CpuCount];
        for (int i = 0; i < cpus.Length; i++)
        {
            cpus[i] = (SlabCpu*)system.Carve(SlabCpu.SizeBytes + ((int)capacity * sizeof(ulong)), number);
            ForgetCpuSlab(cpus[i]);
            cpus[i]->Partial = Pfn.None.Value;
            cpus[i]->LocalTag = LocalTagOf(new CpuId(i));
        }
    }

    /// <summary>Creates another name for a cache that fits (<c>__kmem_cache_alias</c>).</summary>
    internal SlabCache(SlabCache root, string name, int objectBytes)
    {
        (this.root, Name, ObjectBytes) = (root, name, objectBytes);
        firstFrame = root.firstFrame;
        (system, arena, homes, number) = (root.system, root.arena, root.homes, root.number);
        (cpus, memoryStart, memorySpanBytes) = (root.cpus, root.memoryStart, root.memorySpanBytes);
        (slabMask, lastObjectProduct, divisor, capacity) = (root.slabMask, root.lastObjectProduct, root.divisor, root.capacity);
        (chunkShift, chunksMax) = (root.chunkShift, root.chunksMax);
        (shuffle, scramble, Flags, Geometry) = (root.shuffle, root.scramble, root.Flags, root.Geometry);
        root.users++;
        root.ObjectBytes = Math.Max(root.ObjectBytes, objectBytes);
    }

    /// <summary>As in <c>/proc/slabinfo</c>; a merged cache is listed there under the first one's name.</summary>
    public string Name { get; }

    /// <summary>Bytes in an object, as the creator asked for.</summary>
    public int ObjectBytes { get; private set; }

    /// <summary>Sizes, offsets and limits.</summary>
    public SlabGeometry Geometry { get; }

    /// <summary>What the cache is for, and which checks are on.</summary>
    public SlabFlags Flags { get; }

    /// <summary>The cache whose slabs this one uses: itself, unless it was merged.</summary>
    public SlabCache Root => root;

    /// <summary>How many caches share the slabs, this one counted.</summary>
    public int Users => root.users;

    /// <summary>Addresses that a CPU's object stack holds; 0 where the cache has none.</summary>
    public int StackCapacity => (int)capacity;

    /// <summary>Bytes of an object that a caller may use (<c>slab_ksize</c>).</summary>
    public int UsableBytes => (Flags & (SlabFlags.RedZone | SlabFlags.Poison)) != 0 ? Geometry.ObjectBytes
        : (Flags & (SlabFlags.TypesafeByRcu | SlabFlags.StoreUser)) != 0 ? Geometry.InUseBytes
        : Geometry.SizeBytes;

    /// <summary>Whether another cache may share the slabs (<c>slab_unmergeable</c>).</summary>
    internal bool IsMergeable => (Flags & SlabFlags.NeverMergeMask) == 0 && constructor is null;

    private bool IsDebug => (Flags & SlabFlags.DebugMask) != 0;

    /// <summary>Takes an object (<c>kmem_cache_alloc</c>, <c>slab_alloc_node</c>). Its content is undefined unless <see cref="GfpFlags.Zero"/> is given.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="gfp">Where from, and what may be done to get it.</param>
    /// <param name="address">The object's first byte.</param>
    /// <returns>False where no memory could be had.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryAllocate(CpuId cpu, GfpFlags gfp, out PhysAddr address)
    {
        SlabCpu*[] table = cpus;
        if ((uint)cpu.Value < (uint)table.Length && (gfp & GfpFlags.Zero) == 0)
        {
            // SAFETY: the structure and its stack of `capacity` addresses lie in frames that the cache keeps for its life.
            SlabCpu* area = table[cpu.Value];
            ulong top = unchecked((ulong)area->Count - 1);
            if (top < capacity)
            {
                ulong candidate = ((ulong*)(area + 1))[top];
                if (unchecked(candidate - memoryStart) < memorySpanBytes)
                {
                    area->Count = (uint)top;
                    address = new PhysAddr(candidate);
                    return true;
                }
            }
        }

        // By value, not by reference: an address that is written through a pointer would live in memory on the fast path too.
        address = new PhysAddr(AllocateSlow(cpu, gfp));
        return address.Value != 0;
    }

    /// <summary>Gives an object back (<c>kmem_cache_free</c>). A bad free is reported and changes nothing.</summary>
    /// <param name="cpu">The CPU that acts; any may free what another allocated.</param>
    /// <param name="address">The object's first byte, as <see cref="TryAllocate"/> gave it.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Free(CpuId cpu, PhysAddr address)
    {
        SlabCpu*[] table = cpus;
        ulong offset = unchecked(address.Value - memoryStart);

        // SAFETY: the frame table has a descriptor for each frame of the span, and each CPU's stack has `capacity` places.
        if (offset < memorySpanBytes && (uint)cpu.Value < (uint)table.Length)
        {
            SlabCpu* area = table[cpu.Value];
            if (firstFrame[offset >> Pfn.PageShift].Next == area->LocalTag && IsObjectStart(address.Value))
            {
                ulong count = area->Count;
                if (count < capacity)
                {
                    // Under the lowest place lies the local tag, which is no object's address.
                    ulong* place = (ulong*)(area + 1) + count;
                    if (place[-1] != address.Value)
                    {
                        *place = address.Value;
                        area->Count = (uint)(count + 1);
                        return;
                    }
                }
            }
        }

        FreeSlow(cpu, address);
    }

    private static SlabFlags AddDebug(PageAllocator pages, string name, int objectBytes, int alignmentBytes) =>
        SlabSystem.Of(pages).AddDebugFlags(name, objectBytes, alignmentBytes, SlabFlags.NoMerge, false);

    // Divisibility by multiplication (Lemire, Kaser, Kurz 2019), with c = 2^64 / d rounded up and e = c * d - 2^64: modulo 2^64 the product of
    // c and q * d is q * e, which grows with q, and that of c and any other number below 2^32 is at least c, which is more.
    // So one compare with the product of the last object's place finds both what is between objects and what is beyond the last.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsObjectStart(ulong address) => unchecked((address & slabMask) * divisor) <= lastObjectProduct;

    // Half a stack moves at a time, so its length in bytes with the CPU's structure is a power of two.
    private static uint ComputeCapacity(int sizeBytes, int cpuCount)
    {
        int areaBytes = sizeBytes switch { <= 1024 => 2048, <= 2048 => 1024, <= 4096 => 512, _ => 256 };
        areaBytes = cpuCount switch { <= 8 => areaBytes, <= 32 => Math.Min(areaBytes, 1024), _ => Math.Min(areaBytes, 512) };
        return (uint)(areaBytes - SlabCpu.SizeBytes) / sizeof(ulong);
    }

    private static ulong Mix(ulong value)
    {
        unchecked
        {
            value += 0x9e3779b97f4a7c15;
            value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
            value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
            return value ^ (value >> 31);
        }
    }

    private static int[] MakeShuffle(int count, ulong seed)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        for (int i = count - 1; i > 0; i--)
        {
            seed = Mix(seed);
            int other = (int)(seed % (ulong)(i + 1));
            (order[i], order[other]) = (order[other], order[i]);
        }

        return order;
    }
}
