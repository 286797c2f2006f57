using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <summary>
/// What has to happen to pages, page tables and files when VMAs change. <see cref="MemoryMap"/> decides which VMAs there are and knows no page;
/// whoever owns the page tables implements this. One call per VMA and system call, never one per page. No method may change VMAs.
/// </summary>
public interface IAddressSpacePages
{
    /// <summary>VMAs are about to be unmapped: pages that wait for their lists join them (<c>lru_add_drain</c> in <c>unmap_region</c> and <c>exit_mmap</c>).</summary>
    public void BeginUnmap(CpuId cpu);

    /// <summary>Unmaps a range of one VMA that is about to go or to shrink (<c>unmap_vmas</c>). <see cref="FreePageTables"/> ends the batch.</summary>
    public void UnmapPages(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end);

    /// <summary>Frees the page tables of a range that no VMA covers any more (<c>free_pgtables</c>), and flushes what <see cref="UnmapPages"/> gathered.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="start">First byte of the first VMA that went.</param>
    /// <param name="end">First byte after the last VMA that went.</param>
    /// <param name="floor">End of the VMA below; 0 where there is none.</param>
    /// <param name="ceiling">Start of the VMA above; 0, as in Linux, where there is none.</param>
    public void FreePageTables(CpuId cpu, VirtAddr start, VirtAddr end, VirtAddr floor, VirtAddr ceiling);

    /// <summary>Applies a VMA's new protection to the pages of a range (<c>change_protection</c>). The VMA has its new flags already.</summary>
    public void ProtectPages(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end, VmFlags oldFlags);

    /// <summary>Moves the pages of one range to another (<c>move_page_tables</c>).</summary>
    /// <returns>Bytes moved, from the start; fewer than asked where there is no memory for page tables.</returns>
    public ulong MovePages(CpuId cpu, VmAreaRef from, VirtAddr oldStart, VmAreaRef to, VirtAddr newStart, ulong lengthBytes);

    /// <summary>
    /// Does what an advice does to pages of one VMA: DONTNEED, DONTNEED_LOCKED, FREE, COLD, PAGEOUT, WILLNEED, REMOVE, COLLAPSE.
    /// Everything that the VMA's flags forbid has been refused.
    /// </summary>
    public Errno AdvisePages(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end, MemoryAdvice advice);

    /// <summary>Brings the pages of a range of one VMA in (<c>populate_vma_page_range</c>, <c>faultin_page_range</c>).</summary>
    /// <returns>ENOMEM, EFAULT (a fault would be SIGBUS or SIGSEGV), EHWPOISON, or none.</returns>
    public Errno PopulatePages(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end, PopulateKind kind);

    /// <summary>Marks the resident pages of a range as locked or not (<c>mlock_vma_pages_range</c>). The VMA has its new flags already.</summary>
    public void LockPages(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end);

    /// <summary>Writes the dirty pages of a shared file mapping back (<c>vfs_fsync_range</c>).</summary>
    public Errno SyncPages(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end);

    /// <summary>Tells per page of a range of one VMA whether it is in memory (<c>mincore_walk</c>): 1 or 0.</summary>
    public void QueryResidentPages(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end, Span<byte> isResident);

    /// <summary>Copies the page tables of a VMA at fork (<c>copy_page_range</c>).</summary>
    /// <returns>False where there is no memory.</returns>
    public bool CopyPages(CpuId cpu, VmAreaRef from, MemoryMap child, VmAreaRef to);

    /// <summary>Creates the file behind a shared anonymous mapping (<c>shmem_zero_setup</c>) and charges it.</summary>
    public Errno CreateSharedAnonymous(CpuId cpu, ulong pageCount, VmFlags flags, out uint file);

    /// <summary>Whether a file is one that <see cref="CreateSharedAnonymous"/> made (<c>vma_is_anon_shmem</c>).</summary>
    public bool IsSharedAnonymous(uint file) => false;

    /// <summary>How a mapped file may be mapped; mremap asks for the sake of <see cref="MappedFileModes.AlignsHugePages"/>.</summary>
    public MappedFileModes ModesOf(uint file);

    /// <summary>What shared memory is aligned to where the kernel chooses its place (<c>shmem_get_unmapped_area</c>).</summary>
    /// <param name="file">A file, or <see cref="VmArea.NoFile"/> for shared anonymous memory that the call makes.</param>
    /// <returns>Bytes; 0 where the file is no shared memory, or has no huge pages.</returns>
    public ulong SharedAlignmentOf(uint file) => 0;

    /// <summary>A VMA is about to begin or end at an address that lay within one: a huge page across it becomes pages (<c>vma_adjust_trans_huge</c>).</summary>
    public void SplitHugePage(CpuId cpu, VirtAddr address);

    /// <summary>A VMA maps a file now: it holds the file open, and truncation must find it (<c>vma_link_file</c>).</summary>
    public void LinkFile(CpuId cpu, VmAreaRef area);

    /// <summary>A VMA of a file goes.</summary>
    public void UnlinkFile(CpuId cpu, VmAreaRef area);
}
