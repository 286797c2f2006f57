using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Units;

namespace Engine.Core.Slab;

/// <summary>
/// All slab caches over one page allocator: the list that <c>/proc/slabinfo</c> prints, the merging of caches that fit each other
/// (mm/slab_common.c), and the frames that hold the caches' own bookkeeping.
/// </summary>
public sealed unsafe class SlabSystem
{
    /// <summary>How many texts <see cref="Printed"/> keeps.</summary>
    public const int PrintedMax = 1024;

    private const int PieceAlignmentBytes = 128;

    // The start of the kernel's text: somewhere in the kernel.
    private const ulong UnknownCaller = 0xffff_8000_8000_0000;

    private static readonly ConditionalWeakTable<PageAllocator, SlabSystem> Attached = [];

    private readonly Lock gate = new();
    private readonly List<SlabCache> caches = [];
    private readonly Dictionary<int, Stack<nint>> recycled = [];
    private KmallocCaches? kmalloc;
    private SlabCache?[] cachesByNumber = new SlabCache?[64];
    private int cacheNumbers;
    private ulong carveNext;
    private ulong carveEnd;

    // By CPU: the nearest node with memory (numa_mem_id). By node: whether it ever had memory (slab_nodes).
    private readonly int[] localNodes;
    private readonly bool[] hasMemory;

    private readonly (ulong Address, int Process)[] callers;
    private readonly Queue<string> printed = new();
    private bool isTainted;
    private long jiffies;

    private SlabSystem(PageAllocator pages, SlabOptions options)
    {
        callers = new (ulong, int)[pages.Options.CpuCount];
        Array.Fill(callers, (UnknownCaller, 0));
        Arena = new SlabArena(pages);
        Options = options;
        CpuCount = pages.Options.CpuCount;
        NodeCount = pages.NodeCount;
        if (NodeCount > SlabTag.NodesMax)
        {
            throw new ArgumentException($"{NodeCount} NUMA nodes; at most {SlabTag.NodesMax} are possible", nameof(pages));
        }

        localNodes = [.. Enumerable.Range(0, CpuCount).Select(cpu => pages.GetZoneList(pages.GetNode(new CpuId(cpu)))[0].Node)];
        hasMemory = [.. Enumerable.Range(0, NodeCount).Select(node => pages.Zones.Any(zone => zone.Node == node && zone.ManagedPages > 0))];
    }

    /// <summary>As given when the system was attached.</summary>
    public SlabOptions Options { get; }

    /// <summary>CPUs of the machine.</summary>
    public int CpuCount { get; }

    /// <summary>NUMA nodes of the machine.</summary>
    public int NodeCount { get; }

    /// <summary>Where frames come from.</summary>
    public PageAllocator Pages => Arena.Pages;

    /// <summary>Bytes of frames that hold per-CPU and per-node bookkeeping instead of objects.</summary>
    public ulong BookkeepingBytes { get; private set; }

    /// <summary>The <c>kmalloc</c> caches; created at the first question, which boot should ask before it creates others.</summary>
    /// <exception cref="InsufficientMemoryException">No memory for the caches' bookkeeping.</exception>
    public KmallocCaches Kmalloc
    {
        get
        {
            lock (gate)
            {
                return kmalloc ??= new KmallocCaches(this);
            }
        }
    }

    /// <summary>Frames in slabs that shrinkers can free (<c>NR_SLAB_RECLAIMABLE</c>).</summary>
    public ulong ReclaimablePages => CountPages(isReclaimable: true);

    /// <summary>Frames in all other slabs and in large <c>kmalloc</c> blocks (<c>NR_SLAB_UNRECLAIMABLE</c>).</summary>
    public ulong UnreclaimablePages => CountPages(isReclaimable: false) + (kmalloc?.LargePages ?? 0);

    /// <summary>The caches in the order of their creation; merged ones once, under the first one's name.</summary>
    public IReadOnlyList<SlabCache> Caches
    {
        get
        {
            lock (gate)
            {
                return [.. caches];
            }
        }
    }

    /// <summary>Frames and objects, with checks.</summary>
    internal SlabArena Arena { get; }

    /// <summary>Where findings go.</summary>
    internal CorruptionLog Log => Arena.Pages.Log;

    /// <summary>The slab caches of a page allocator; made with default options at the first call.</summary>
    public static SlabSystem Of(PageAllocator pages) => Attached.GetValue(pages, static key => new SlabSystem(key, new SlabOptions()));

    /// <summary>Makes the slab caches of a page allocator with options of their own.</summary>
    /// <exception cref="InvalidOperationException">The allocator has slab caches already.</exception>
    public static SlabSystem Attach(PageAllocator pages, SlabOptions options)
    {
        SlabSystem system = new(pages, options);
        return Attached.TryAdd(pages, system) ? system : throw new InvalidOperationException("the page allocator has slab caches already");
    }

    /// <summary>Creates a cache, or an alias of one that fits (<c>kmem_cache_create</c>).</summary>
    /// <param name="name">As in <c>/proc/slabinfo</c>.</param>
    /// <param name="objectBytes">Bytes in an object.</param>
    /// <param name="alignmentBytes">Alignment of an object; 0 for none beyond 8.</param>
    /// <param name="flags">What the cache is for.</param>
    /// <param name="constructor">Runs once on each object of a new slab; such an object must be freed in its constructed state.</param>
    /// <exception cref="InsufficientMemoryException">No memory for the cache's bookkeeping.</exception>
    public SlabCache Create(string name, int objectBytes, int alignmentBytes = 0, SlabFlags flags = SlabFlags.None, SlabConstructor? constructor = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        lock (gate)
        {
            SlabFlags all = AddDebugFlags(name, objectBytes, alignmentBytes, flags, constructor is not null);
            SlabCache? host = constructor is null && Options.MergesCaches ? FindMergeable(objectBytes, alignmentBytes, all) : null;
            return host is not null ? new SlabCache(host, name, objectBytes) : new SlabCache(this, name, objectBytes, alignmentBytes, all, constructor);
        }
    }

    /// <summary>Text that the kernel would print, whole reports and repairs, oldest first; the last <see cref="PrintedMax"/> are kept.</summary>
    public IReadOnlyList<string> Printed
    {
        get
        {
            lock (printed)
            {
                return [.. printed];
            }
        }
    }

    /// <summary>Operations of caches with owner tracking so far: the clock of their reports.</summary>
    internal ulong Jiffies => (ulong)Interlocked.Read(ref jiffies);

    /// <summary>What a report says about earlier ones (<c>print_tainted</c>).</summary>
    internal string TaintText => isTainted ? "Tainted: G    B             " : "Not tainted";

    /// <summary>Says on whose behalf a CPU's next operations are; debug option U keeps it with each object.</summary>
    /// <param name="cpu">The CPU.</param>
    /// <param name="callerAddress">Kernel text address of the caller; not 0.</param>
    /// <param name="processId">The process, 0 for none.</param>
    public void SetCaller(CpuId cpu, ulong callerAddress, int processId) => callers[cpu.Value] = (callerAddress, processId);

    /// <summary>The cache that owns the frame of an address (<c>virt_to_cache</c>).</summary>
    public bool TryFindCache(PhysAddr address, [NotNullWhen(true)] out SlabCache? cache)
    {
        SlabTag tag = Arena.TagOf(address.Value);
        cache = tag.IsSlab ? FindByNumber(tag.Number) : null;
        return cache is not null;
    }

    /// <summary>The node whose slabs a CPU prefers (<c>numa_mem_id</c>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal int LocalNodeOf(CpuId cpu) => localNodes[cpu.Value];

    /// <summary>The node that a caller's wish comes to: <see cref="SlabCache.AnyNode"/> where the node never had memory.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The machine has no such node.</exception>
    internal int FindMemoryNode(int node)
    {
        if (node < SlabCache.AnyNode || node >= NodeCount)
        {
            throw new ArgumentOutOfRangeException(nameof(node), node, $"the machine has {NodeCount} NUMA nodes");
        }

        return node != SlabCache.AnyNode && hasMemory[node] ? node : SlabCache.AnyNode;
    }

    /// <summary>Frames for a slab or a large <c>kmalloc</c>: of the CPU's node or of the one that is named, others after it (<c>alloc_slab_page</c>).</summary>
    internal bool TryAllocatePages(CpuId cpu, int node, Order order, GfpFlags gfp, out Pfn pfn) =>
        node == SlabCache.AnyNode ? Pages.TryAllocate(cpu, order, gfp, out pfn) : Pages.TryAllocateOnNode(cpu, node, order, gfp, out pfn);

    /// <summary>Creates a cache with slabs of its own, as boot does.</summary>
    internal SlabCache CreateUnmerged(string name, int objectBytes, int alignmentBytes, SlabFlags flags) =>
        new(this, name, objectBytes, alignmentBytes, AddDebugFlags(name, objectBytes, alignmentBytes, flags, false), null);

    /// <summary>The debug options that apply to a cache (<c>kmem_cache_flags</c>).</summary>
    internal SlabFlags AddDebugFlags(string name, int objectBytes, int alignmentBytes, SlabFlags flags, bool hasConstructor)
    {
        SlabFlags debug = Options.Debug & SlabFlags.DebugMask;
        if (debug == 0 || (Options.DebugCaches.Count > 0 && !Options.DebugCaches.Any(pattern => Matches(pattern, name))))
        {
            return flags;
        }

        if (Options.DisablesHigherOrderDebug)
        {
            SlabGeometry geometry = SlabGeometry.Compute(objectBytes, alignmentBytes, flags | debug, hasConstructor, CpuCount);
            bool isLarger = SlabGeometry.GetOrder((ulong)geometry.SizeBytes) > SlabGeometry.GetOrder((ulong)objectBytes);
            debug = isLarger ? debug & ~SlabFlags.DebugMetadataMask : debug;
        }

        return flags | debug;
    }

    /// <summary>Who a CPU works for, and a time that grows with each question.</summary>
    internal (ulong Address, int Process, ulong Time) TakeCaller(CpuId cpu)
    {
        (ulong address, int process) = callers[cpu.Value];
        return (address, process, (ulong)Interlocked.Increment(ref jiffies));
    }

    /// <summary>The address that <see cref="SetCaller"/> gave for a CPU.</summary>
    internal ulong CallerOf(CpuId cpu) => callers[cpu.Value].Address;

    /// <summary>Keeps a text that the kernel would print.</summary>
    internal void Print(string text)
    {
        lock (printed)
        {
            printed.Enqueue(text);
            if (printed.Count > PrintedMax)
            {
                _ = printed.Dequeue();
            }
        }
    }

    /// <summary>Notes that a report was made (<c>TAINT_BAD_PAGE</c>).</summary>
    internal void Taint() => isTainted = true;

    /// <summary>The cache of a number; null for a number that no cache has.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal SlabCache? FindByNumber(int number)
    {
        SlabCache?[] table = Volatile.Read(ref cachesByNumber);
        return unchecked((uint)number) < (uint)table.Length ? table[number] : null;
    }

    /// <summary>Gives a new cache its number and its place on the list.</summary>
    internal int Register(SlabCache cache)
    {
        lock (gate)
        {
            int number = cacheNumbers++;
            if (number >= cachesByNumber.Length)
            {
                SlabCache?[] larger = new SlabCache?[cachesByNumber.Length * 2];
                cachesByNumber.CopyTo(larger, 0);
                Volatile.Write(ref cachesByNumber, larger);
            }

            cachesByNumber[number] = cache;
            caches.Add(cache);
            return number;
        }
    }

    /// <summary>Takes a destroyed cache off the list.</summary>
    internal void Unregister(SlabCache cache, int number)
    {
        lock (gate)
        {
            cachesByNumber[number] = null;
            caches.Remove(cache);
        }
    }

    /// <summary>Takes zeroed arena memory for bookkeeping. It stays where it is for the machine's life.</summary>
    /// <param name="lengthBytes">At most a frame.</param>
    /// <param name="number">The cache that it belongs to.</param>
    internal byte* Carve(int lengthBytes, int number)
    {
        lock (gate)
        {
            if (recycled.TryGetValue(lengthBytes, out Stack<nint>? pieces) && pieces.TryPop(out nint used))
            {
                new Span<byte>((byte*)used, lengthBytes).Clear();
                return (byte*)used;
            }

            ulong length = (ulong)((lengthBytes + PieceAlignmentBytes - 1) & -PieceAlignmentBytes);
            if (carveEnd - carveNext < length)
            {
                if (!TryAllocateBookkeepingFrame(new CpuId(0), number, out uint pfn))
                {
                    throw new InsufficientMemoryException("no memory for a slab cache's bookkeeping");
                }

                carveNext = (ulong)pfn << Pfn.PageShift;
                carveEnd = carveNext + Pfn.PageSizeBytes;
            }

            // SAFETY: the piece lies in a frame that the page allocator has just given.
            byte* piece = Arena.Memory.Bias + carveNext;
            carveNext += length;
            return piece;
        }
    }

    /// <summary>Keeps a piece of <see cref="Carve"/> for the next cache.</summary>
    internal void Recycle(byte* piece, int lengthBytes)
    {
        lock (gate)
        {
            if (!recycled.TryGetValue(lengthBytes, out Stack<nint>? pieces))
            {
                recycled.Add(lengthBytes, pieces = new Stack<nint>());
            }

            pieces.Push((nint)piece);
        }
    }

    /// <summary>Takes a zeroed frame for bookkeeping.</summary>
    internal bool TryAllocateBookkeepingFrame(CpuId cpu, int number, out uint pfn)
    {
        if (!Pages.TryAllocate(cpu, Order.Zero, GfpFlags.NoWait | GfpFlags.Zero, out Pfn frame))
        {
            pfn = Pfn.None.Value;
            return false;
        }

        pfn = frame.Value;
        Arena.SetTags(pfn, 0, SlabTag.OfBookkeeping(number), 0);
        BookkeepingBytes += Pfn.PageSizeBytes;
        return true;
    }

    /// <summary>Gives a frame of <see cref="TryAllocateBookkeepingFrame"/> back.</summary>
    internal void FreeBookkeepingFrame(CpuId cpu, uint pfn)
    {
        Arena.ClearTags(pfn, 0, 0);
        BookkeepingBytes -= Pfn.PageSizeBytes;
        Pages.Free(cpu, new Pfn(pfn), Order.Zero);
    }

    // find_mergeable() in mm/slab_common.c: the youngest cache that is not much larger.
    private SlabCache? FindMergeable(int objectBytes, int alignmentBytes, SlabFlags flags)
    {
        if ((flags & SlabFlags.NeverMergeMask) != 0)
        {
            return null;
        }

        int size = (objectBytes + SlabGeometry.PointerBytes - 1) & -SlabGeometry.PointerBytes;
        int alignment = SlabGeometry.ComputeAlignment(size, alignmentBytes, flags);
        size = (size + alignment - 1) & -alignment;
        for (int i = caches.Count - 1; i >= 0; i--)
        {
            SlabCache candidate = caches[i];
            int candidateSize = candidate.Geometry.SizeBytes;
            if (candidate.IsMergeable && size <= candidateSize && ((flags ^ candidate.Flags) & SlabFlags.MergeSameMask) == 0
                && (candidateSize & (alignment - 1)) == 0 && candidateSize - size < SlabGeometry.PointerBytes)
            {
                return candidate;
            }
        }

        return null;
    }

    private ulong CountPages(bool isReclaimable) =>
        Caches.Where(cache => (cache.Flags & SlabFlags.ReclaimAccount) != 0 == isReclaimable).Aggregate(0UL, (sum, cache) => sum + cache.PageCount);

    private static bool Matches(string pattern, string name) =>
        pattern.EndsWith('*') ? name.StartsWith(pattern[..^1], StringComparison.Ordinal) : name == pattern;
}
