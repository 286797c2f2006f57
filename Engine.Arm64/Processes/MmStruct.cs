using System.Runtime.InteropServices;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <summary>What the kernel keeps about one address space (<c>struct mm_struct</c>, include/linux/mm_types.h); in the arena. Counts are pages.</summary>
[StructLayout(LayoutKind.Explicit, Size = SizeBytes)]
public struct MmStruct
{
    /// <summary>Bytes in an mm.</summary>
    public const int SizeBytes = 512;

    /// <summary>Its alignment.</summary>
    public const int AlignmentBytes = 64;

    /// <summary>The VMAs.</summary>
    [FieldOffset(0)]
    public VmAreaTreeHead Areas;

    /// <summary>The top-level page table; the owner of page tables sets it.</summary>
    [FieldOffset(16)]
    public PhysAddr PageGlobalDirectory;

    /// <summary>Pages of all VMAs (<c>total_vm</c>).</summary>
    [FieldOffset(24)]
    public ulong TotalPages;

    /// <summary>Of these, in VMAs locked by mlock (<c>locked_vm</c>).</summary>
    [FieldOffset(32)]
    public ulong LockedPages;

    /// <summary>Of these, private and writable and no stack (<c>data_vm</c>): what RLIMIT_DATA limits.</summary>
    [FieldOffset(40)]
    public ulong DataPages;

    /// <summary>Of these, executable and neither writable nor a stack (<c>exec_vm</c>).</summary>
    [FieldOffset(48)]
    public ulong ExecPages;

    /// <summary>Of these, in stacks (<c>stack_vm</c>).</summary>
    [FieldOffset(56)]
    public ulong StackPages;

    /// <summary>The most that <see cref="TotalPages"/> ever was (<c>hiwater_vm</c>, VmPeak).</summary>
    [FieldOffset(64)]
    public ulong TotalPagesPeak;

    /// <summary>Flags that every new VMA gets, set by mlockall(MCL_FUTURE) (<c>def_flags</c>).</summary>
    [FieldOffset(72)]
    public VmFlags DefaultFlags;

    /// <summary>Where top-down placement starts (<c>mmap_base</c>).</summary>
    [FieldOffset(80)]
    public VirtAddr MmapBase;

    /// <summary>Where the heap begins (<c>start_brk</c>).</summary>
    [FieldOffset(88)]
    public VirtAddr StartBrk;

    /// <summary>The break: the heap's end (<c>brk</c>), to the byte.</summary>
    [FieldOffset(96)]
    public VirtAddr Brk;

    /// <summary>First byte of the program's text.</summary>
    [FieldOffset(104)]
    public VirtAddr StartCode;

    /// <summary>First byte after the program's text.</summary>
    [FieldOffset(112)]
    public VirtAddr EndCode;

    /// <summary>First byte of the program's data.</summary>
    [FieldOffset(120)]
    public VirtAddr StartData;

    /// <summary>First byte after the program's data.</summary>
    [FieldOffset(128)]
    public VirtAddr EndData;

    /// <summary>The stack's top at exec.</summary>
    [FieldOffset(136)]
    public VirtAddr StartStack;

    /// <summary>First byte of the arguments.</summary>
    [FieldOffset(144)]
    public VirtAddr ArgStart;

    /// <summary>First byte after the arguments.</summary>
    [FieldOffset(152)]
    public VirtAddr ArgEnd;

    /// <summary>First byte of the environment.</summary>
    [FieldOffset(160)]
    public VirtAddr EnvStart;

    /// <summary>First byte after the environment.</summary>
    [FieldOffset(168)]
    public VirtAddr EnvEnd;

    /// <summary>Resident pages of files (<c>MM_FILEPAGES</c>); kept by the fault path, as the next three.</summary>
    [FieldOffset(176)]
    public long FilePages;

    /// <summary>Resident anonymous pages (<c>MM_ANONPAGES</c>).</summary>
    [FieldOffset(184)]
    public long AnonPages;

    /// <summary>Pages swapped out (<c>MM_SWAPENTS</c>).</summary>
    [FieldOffset(192)]
    public long SwapEntries;

    /// <summary>Resident pages of shared memory (<c>MM_SHMEMPAGES</c>).</summary>
    [FieldOffset(200)]
    public long ShmemPages;

    /// <summary>The most that the resident pages ever were together (<c>hiwater_rss</c>, VmHWM).</summary>
    [FieldOffset(208)]
    public ulong ResidentPagesPeak;

    /// <summary>Page-table pages without the top level, 4,096 bytes each (<c>pgtables_bytes</c>, VmPTE).</summary>
    [FieldOffset(216)]
    public long PageTablePages;

    /// <summary>Processes that use the address space (<c>mm_users</c>).</summary>
    [FieldOffset(224)]
    public int UserCount;

    /// <summary>1 where prctl(PR_SET_THP_DISABLE) turned huge pages off (<c>MMF_DISABLE_THP</c>).</summary>
    [FieldOffset(228)]
    public int IsThpDisabled;

    /// <summary>1 once a page of it was pinned (<c>MMF_HAS_PINNED</c>): fork then looks for pinned pages.</summary>
    [FieldOffset(504)]
    public int HasPinned;
}
