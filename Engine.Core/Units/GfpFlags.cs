namespace Engine.Core.Units;

/// <summary>
/// What an allocation may do and where its memory may come from, with the numeric values of Linux v6.9
/// (include/linux/gfp_types.h).
/// </summary>
[Flags]
public enum GfpFlags : uint
{
    /// <summary>No flag: unmovable memory of zone Normal, no reclaim.</summary>
    None = 0,

    /// <summary>From ZONE_DMA (<c>__GFP_DMA</c>).</summary>
    Dma = 0x1,

    /// <summary>May come from high memory; on 64-bit only in combination with <see cref="Movable"/> (<c>__GFP_HIGHMEM</c>).</summary>
    HighMem = 0x2,

    /// <summary>From ZONE_DMA32 (<c>__GFP_DMA32</c>).</summary>
    Dma32 = 0x4,

    /// <summary>The page can be migrated or reclaimed (<c>__GFP_MOVABLE</c>).</summary>
    Movable = 0x8,

    /// <summary>Slab memory that a shrinker can free (<c>__GFP_RECLAIMABLE</c>).</summary>
    Reclaimable = 0x10,

    /// <summary>May use half of the min watermark's reserve (<c>__GFP_HIGH</c>).</summary>
    High = 0x20,

    /// <summary>May start physical I/O (<c>__GFP_IO</c>).</summary>
    Io = 0x40,

    /// <summary>May call into the file system (<c>__GFP_FS</c>).</summary>
    Fs = 0x80,

    /// <summary>Returns zeroed memory (<c>__GFP_ZERO</c>).</summary>
    Zero = 0x100,

    /// <summary>The caller may reclaim by itself (<c>__GFP_DIRECT_RECLAIM</c>).</summary>
    DirectReclaim = 0x400,

    /// <summary>kswapd is woken at the low watermark (<c>__GFP_KSWAPD_RECLAIM</c>).</summary>
    KswapdReclaim = 0x800,

    /// <summary>The page will be dirtied (<c>__GFP_WRITE</c>).</summary>
    Write = 0x1000,

    /// <summary>No failure report (<c>__GFP_NOWARN</c>).</summary>
    NoWarn = 0x2000,

    /// <summary>Tries hard, but may fail (<c>__GFP_RETRY_MAYFAIL</c>).</summary>
    RetryMayFail = 0x4000,

    /// <summary>Never fails (<c>__GFP_NOFAIL</c>).</summary>
    NoFail = 0x8000,

    /// <summary>Gives up early (<c>__GFP_NORETRY</c>).</summary>
    NoRetry = 0x10000,

    /// <summary>May use all reserves (<c>__GFP_MEMALLOC</c>).</summary>
    MemAlloc = 0x20000,

    /// <summary>A compound page (<c>__GFP_COMP</c>).</summary>
    Comp = 0x40000,

    /// <summary>May not use emergency reserves (<c>__GFP_NOMEMALLOC</c>).</summary>
    NoMemAlloc = 0x80000,

    /// <summary>Obeys the cpuset's memory policy (<c>__GFP_HARDWALL</c>).</summary>
    HardWall = 0x100000,

    /// <summary>From this node only (<c>__GFP_THISNODE</c>).</summary>
    ThisNode = 0x200000,

    /// <summary>Charged to the memory cgroup (<c>__GFP_ACCOUNT</c>).</summary>
    Account = 0x400000,

    /// <summary>Zeroes memory tags (<c>__GFP_ZEROTAGS</c>).</summary>
    ZeroTags = 0x800000,

    /// <summary>Direct and background reclaim (<c>__GFP_RECLAIM</c>).</summary>
    Reclaim = DirectReclaim | KswapdReclaim,

    /// <summary>May not sleep, may use reserves (<c>GFP_ATOMIC</c>).</summary>
    Atomic = High | KswapdReclaim,

    /// <summary>The kernel's ordinary allocation (<c>GFP_KERNEL</c>).</summary>
    Kernel = Reclaim | Io | Fs,

    /// <summary>As <see cref="Kernel"/>, charged to the memory cgroup (<c>GFP_KERNEL_ACCOUNT</c>).</summary>
    KernelAccount = Kernel | Account,

    /// <summary>May not sleep (<c>GFP_NOWAIT</c>).</summary>
    NoWait = KswapdReclaim | NoWarn,

    /// <summary>No I/O (<c>GFP_NOIO</c>).</summary>
    NoIo = Reclaim,

    /// <summary>No file system (<c>GFP_NOFS</c>).</summary>
    NoFs = Reclaim | Io,

    /// <summary>For user space, reached by the kernel as well (<c>GFP_USER</c>).</summary>
    User = Kernel | HardWall,

    /// <summary>For user space (<c>GFP_HIGHUSER</c>).</summary>
    HighUser = User | HighMem,

    /// <summary>For user space, movable (<c>GFP_HIGHUSER_MOVABLE</c>).</summary>
    HighUserMovable = HighUser | Movable,

    /// <summary>A huge page without reclaim (<c>GFP_TRANSHUGE_LIGHT</c>).</summary>
    TransHugeLight = (HighUserMovable | Comp | NoMemAlloc | NoWarn) & ~Reclaim,

    /// <summary>A huge page (<c>GFP_TRANSHUGE</c>).</summary>
    TransHuge = TransHugeLight | DirectReclaim,
}
