// The facade: boots a machine. Order of boot, as on real hardware: memory is found, the boot plan carves out what the
// kernel keeps for itself, the page allocator takes the rest, the caches are created, the CPUs come up.

using Engine.Arm64.Faults;
using Engine.Arm64.HugePages;
using Engine.Arm64.Kernel;
using Engine.Arm64.Kernel.Map;
using Engine.Arm64.Processes;
using Engine.Arm64.Rmap;
using Engine.Arm64.Tlb;
using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Cgroups;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.PageCache;
using Engine.Core.Reclaim;
using Engine.Core.Swap;
using Engine.Core.Units;

namespace Engine.Arm64;

/// <summary>A simulated ARM64 machine that runs Linux's memory management.</summary>
public sealed partial class Machine : IDisposable
{
    private readonly Cpu[] cpus;

    /// <summary>Boots a machine.</summary>
    /// <param name="options">What to boot; null for one CPU and 1 GiB.</param>
    /// <exception cref="ArgumentException">The options make no machine: no memory, too little for its own metadata, no CPU, more addresses than there are.</exception>
    /// <exception cref="InsufficientMemoryException">The host cannot reserve the memory.</exception>
    public Machine(MachineOptions? options = null)
    {
        Options = options ?? new MachineOptions();
        if (Options.CpuCount is < 1 or > 4096)
        {
            throw new ArgumentException($"{Options.CpuCount} CPUs (expected 1 to 4096)", nameof(options));
        }

        if (Options.TaskSize.Value is 0 or > 1UL << 48 || Options.TaskSize.Value % Pfn.PageSizeBytes != 0)
        {
            throw new ArgumentException($"TASK_SIZE {Options.TaskSize} (expected whole pages, at most 2^48 bytes)", nameof(options));
        }

        acting = new Process?[Options.CpuCount];
        asids = new AsidAllocator(Options.AsidBits, Options.CpuCount);
        Memory = new PhysicalMemory(Options.ToBanks());
        try
        {
            Layout = new MemoryLayout(Memory);
            Log = new CorruptionLog();
            KernelImage? image = Options.KernelMap is { } map ? KernelImage.Reserve(Memory, Layout, map) : null;
            FrameTable frames = new(Memory, Layout);
            Pfn zeroPage = Layout.Reserve("zero page", Pfn.PageSizeBytes).Start.Pfn;
            Pages = new PageAllocator(Memory, Layout, frames, Log, new PageAllocatorOptions { CpuCount = Options.CpuCount, Release = Options.Release });
            PageCache = new FileCache(Pages, new FileCacheOptions { Release = Options.Release, ExecFolioOrder = Options.ExecFolioOrder });
            Caches = new MemoryMapCaches(Pages);
            AnonVmas = new AnonVmas(Caches);
            Commit = new CommitAccounting(Pages);
            Swap = new SwapSpace(Pages);
            PageCache.Swap = Swap;
            UserFrames = new UserFrames(Pages, PageCache, Swap, zeroPage);
            Files = new OpenFileTable(PageCache, Options.Files);
            HugePages = new HugePagePolicy(Options.HugePages, Options.Release);
            PageCache.ShmemPolicy = HugePages.Shmem;
            FolioSplitter = new FolioSplitter(this, new AnonReverseMap(this));
            FileReverseMap = new FileReverseMap(this);
            PageCache.ReverseMap = FileReverseMap;
            Reclaimer = new Reclaimer(Pages, PageCache, Swap, new ReverseMap(this));
            Cgroups = new MemoryCgroups(Pages) { Pressure = new CgroupPressure(this) };
            cpus = [.. Enumerable.Range(0, Options.CpuCount).Select(id => new Cpu(this, new CpuId(id), Options.Tlb, Options.Seed + (ulong)id))];
            Kernel = new KernelMemory(this, image);
        }
        catch
        {
            Memory.Dispose();
            throw;
        }
    }

    /// <summary>As given at boot.</summary>
    public MachineOptions Options { get; }

    /// <summary>The arena.</summary>
    public PhysicalMemory Memory { get; }

    /// <summary>What boot carved out of it.</summary>
    public MemoryLayout Layout { get; }

    /// <summary>Every inconsistency that was found.</summary>
    public CorruptionLog Log { get; }

    /// <summary>The page allocator.</summary>
    public PageAllocator Pages { get; }

    /// <summary>The page cache.</summary>
    public FileCache PageCache { get; }

    /// <summary>The open files.</summary>
    public OpenFileTable Files { get; }

    /// <summary>The CPUs.</summary>
    public IReadOnlyList<Cpu> Cpus => cpus;

    /// <summary>The kernel's own side: its map, vmalloc, access to user memory, DMA.</summary>
    public KernelMemory Kernel { get; }

    /// <summary>How much memory has been promised.</summary>
    public CommitAccounting Commit { get; }

    /// <summary>The names that processes gave to ranges of their memory.</summary>
    public AreaNames AreaNames { get; } = new();

    /// <summary>The settings of transparent huge pages.</summary>
    public HugePagePolicy HugePages { get; }

    /// <summary>What happened to large folios.</summary>
    public HugePageCounters HugePageCounters => UserFrames.HugeCounters;

    internal MemoryMapCaches Caches { get; }

    internal AnonVmas AnonVmas { get; }

    internal UserFrames UserFrames { get; }

    internal FileReverseMap FileReverseMap { get; }

    internal FolioSplitter FolioSplitter { get; }

    /// <summary>Opens a file that processes can map.</summary>
    /// <param name="name">Its path.</param>
    /// <param name="backing">What holds its bytes.</param>
    /// <exception cref="InsufficientMemoryException">The simulated memory has no room for it.</exception>
    public OpenFile OpenFile(string name, IBackingStore backing) =>
        Files.TryOpen(cpus[0].Id, name, backing) ?? throw new InsufficientMemoryException($"the simulated memory has no room for file '{name}'");

    /// <summary>Gives the arena back to the host.</summary>
    public void Dispose() => Memory.Dispose();
}
