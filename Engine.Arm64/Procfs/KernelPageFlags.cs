namespace Engine.Arm64.Procfs;

/// <summary>The bits of a word of <c>/proc/kpageflags</c>: <c>KPF_*</c> (include/uapi/linux/kernel-page-flags.h).</summary>
[Flags]
public enum KernelPageFlags : ulong
{
    /// <summary>In use, and nothing else to say.</summary>
    None = 0,

    /// <summary>LOCKED: somebody works on its content.</summary>
    Locked = 1UL << 0,

    /// <summary>ERROR: reading or writing failed.</summary>
    Error = 1UL << 1,

    /// <summary>REFERENCED: used since reclaim last looked.</summary>
    Referenced = 1UL << 2,

    /// <summary>UPTODATE: the content is valid.</summary>
    Uptodate = 1UL << 3,

    /// <summary>DIRTY: newer than what the file or swap has.</summary>
    Dirty = 1UL << 4,

    /// <summary>LRU: on a reclaim list.</summary>
    Lru = 1UL << 5,

    /// <summary>ACTIVE: on an active reclaim list.</summary>
    Active = 1UL << 6,

    /// <summary>SLAB: belongs to the slab allocator.</summary>
    Slab = 1UL << 7,

    /// <summary>WRITEBACK: being written.</summary>
    Writeback = 1UL << 8,

    /// <summary>RECLAIM: to be freed once written; the readahead mark of a clean file page.</summary>
    Reclaim = 1UL << 9,

    /// <summary>BUDDY: free; Linux says so at each frame of a free block.</summary>
    Buddy = 1UL << 10,

    /// <summary>MMAP: some page table maps it.</summary>
    Mapped = 1UL << 11,

    /// <summary>ANON: anonymous memory.</summary>
    Anonymous = 1UL << 12,

    /// <summary>SWAPCACHE: has a place in swap.</summary>
    SwapCache = 1UL << 13,

    /// <summary>SWAPBACKED: can only go to swap.</summary>
    SwapBacked = 1UL << 14,

    /// <summary>COMPOUND_HEAD: the first frame of a compound page.</summary>
    CompoundHead = 1UL << 15,

    /// <summary>COMPOUND_TAIL: another frame of one.</summary>
    CompoundTail = 1UL << 16,

    /// <summary>UNEVICTABLE: on no list that reclaim scans.</summary>
    Unevictable = 1UL << 18,

    /// <summary>HWPOISON: the hardware reported an error.</summary>
    HwPoison = 1UL << 19,

    /// <summary>NOPAGE: there is no such frame.</summary>
    NoPage = 1UL << 20,

    /// <summary>THP: part of a large folio of user memory or files.</summary>
    TransparentHuge = 1UL << 22,

    /// <summary>ZERO_PAGE: the frame of zeroes that untouched pages share.</summary>
    ZeroPage = 1UL << 24,

    /// <summary>PGTABLE: a translation table.</summary>
    PageTable = 1UL << 26,

    /// <summary>RESERVED: boot took it.</summary>
    Reserved = 1UL << 32,

    /// <summary>MLOCKED: mlock keeps it in memory.</summary>
    Mlocked = 1UL << 33,

    /// <summary>MAPPEDTODISK; in anonymous memory the same bit says that one process alone can see the page.</summary>
    MappedToDisk = 1UL << 34,

    /// <summary>PRIVATE: the owner's private word is used.</summary>
    Private = 1UL << 35,

    /// <summary>PRIVATE_2.</summary>
    Private2 = 1UL << 36,

    /// <summary>OWNER_PRIVATE.</summary>
    OwnerPrivate = 1UL << 37,

    /// <summary>ARCH: data and instruction caches are known to agree.</summary>
    Arch = 1UL << 38,
}
