// The address space of a process as a set of VMAs: which ranges are mapped, how, and what the memory system calls answer
// (mm/mmap.c, mm/vma.c, mm/mprotect.c, mm/mremap.c, mm/madvise.c, mm/mlock.c). What becomes of pages is IAddressSpacePages' business.
//
// Where Linux versions differ the behaviour is that of 6.18, which the recorded scenarios come from; the place says so.
// Errors are values. Arguments are what a program may put into registers: anything.

using System.Runtime.CompilerServices;
using Engine.Arm64.Units;
using Engine.Core.Arena;
using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <summary>The VMAs of one address space and the system calls that change them: the role of <c>struct mm_struct</c>.</summary>
public sealed unsafe partial class MemoryMap
{
    private const ulong PageMask = Pfn.PageSizeBytes - 1;

    private readonly PhysicalMemory memory;
    private readonly MemoryMapCaches caches;
    private readonly MemoryMapOptions options;
    private readonly CommitAccounting commit;
    private readonly AnonVmas anonVmas;
    private readonly IAddressSpacePages pages;
    private readonly MmStruct* mm;

    private MemoryMap(PhysAddr address, MemoryMapCaches caches, AnonVmas anonVmas, CommitAccounting commit, MemoryMapOptions options, ResourceLimits limits, IAddressSpacePages pages)
    {
        memory = caches.Memory;
        this.caches = caches;
        this.anonVmas = anonVmas;
        this.commit = commit;
        this.options = options;
        this.pages = pages;
        Address = address;
        Limits = limits;

        // SAFETY: GetRef checks that the structure lies in RAM; the arena does not move.
        mm = (MmStruct*)Unsafe.AsPointer(ref memory.GetRef<MmStruct>(address));
        Areas = new VmAreaTree(caches, address);
    }

    /// <summary>Where the <see cref="MmStruct"/> lies; names the address space.</summary>
    public PhysAddr Address { get; }

    /// <summary>The VMAs by address.</summary>
    public VmAreaTree Areas { get; }

    /// <summary>The counters and bounds.</summary>
    public ref MmStruct State => ref *mm;

    /// <summary>What is told of changes.</summary>
    public IAddressSpacePages Pages => pages;

    /// <summary>What the process may have.</summary>
    public ResourceLimits Limits { get; set; }

    /// <summary>The bounds and tunables.</summary>
    public MemoryMapOptions Options => options;

    /// <summary>Creates an empty address space (<c>mm_alloc</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="caches">Where structures come from.</param>
    /// <param name="anonVmas">The machine's anon_vmas.</param>
    /// <param name="commit">The machine's commit charge.</param>
    /// <param name="options">Bounds and tunables.</param>
    /// <param name="limits">What the process may have.</param>
    /// <param name="pages">What is told of changes.</param>
    /// <param name="map">The address space.</param>
    /// <returns>False where there is no memory.</returns>
    public static bool TryCreate(
        CpuId cpu,
        MemoryMapCaches caches,
        AnonVmas anonVmas,
        CommitAccounting commit,
        MemoryMapOptions options,
        ResourceLimits limits,
        IAddressSpacePages pages,
        [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out MemoryMap? map)
    {
        map = null;
        if (!caches.MmStructs.TryAllocate(cpu, GfpFlags.Kernel | GfpFlags.Zero, out PhysAddr address))
        {
            return false;
        }

        map = new MemoryMap(address, caches, anonVmas, commit, options, limits, pages);
        map.mm->PageGlobalDirectory = new PhysAddr(ulong.MaxValue);
        map.mm->MmapBase = options.IsLegacyLayout ? map.UnmappedBase : options.TaskSize;
        map.mm->UserCount = 1;
        return true;
    }

    /// <summary>Unmaps everything and frees the address space (<c>exit_mmap</c>). It must not be used afterwards.</summary>
    public void Exit(CpuId cpu)
    {
        VmAreaRef area = Areas.First;
        if (!area.IsNone)
        {
            VirtAddr start = Areas[area].Start;
            VirtAddr end = start;
            pages.BeginUnmap(cpu);
            for (; !area.IsNone; area = Areas.NextOf(area))
            {
                ref VmArea content = ref Areas[area];
                end = content.End;
                pages.UnmapPages(cpu, area, content.Start, end);
            }

            pages.FreePageTables(cpu, start, end, default, default);
        }

        for (int bound = Areas.Count; bound > 0 && Areas.First is { IsNone: false } first; bound--)
        {
            ref VmArea content = ref Areas[first];
            commit.Uncharge(cpu, (content.Flags & VmFlags.Account) != 0 ? content.PageCount : 0);
            DeleteArea(cpu, first);
        }

        caches.MmStructs.Free(cpu, Address);
    }

    /// <summary>Checks the tree and recomputes every counter (<c>validate_mm</c>). What is wrong goes to the corruption log.</summary>
    /// <returns>Whether nothing was wrong.</returns>
    public bool Verify()
    {
        bool isRight = Areas.Verify();
        ulong total = 0;
        ulong locked = 0;
        ulong data = 0;
        ulong exec = 0;
        ulong stack = 0;
        for (VmAreaRef area = Areas.First; !area.IsNone; area = Areas.NextOf(area))
        {
            ref VmArea content = ref Areas[area];
            ulong count = content.PageCount;
            total += count;
            locked += (content.Flags & VmFlags.Locked) != 0 ? count : 0;
            data += IsData(content.Flags) ? count : 0;
            exec += IsExec(content.Flags) ? count : 0;
            stack += IsStack(content.Flags) ? count : 0;
            isRight &= Expect("owner of a VMA", Address.Value, content.Owner.Value);
        }

        isRight &= Expect("total_vm", total, mm->TotalPages);
        isRight &= Expect("locked_vm", locked, mm->LockedPages);
        isRight &= Expect("data_vm", data, mm->DataPages);
        isRight &= Expect("exec_vm", exec, mm->ExecPages);
        isRight &= Expect("stack_vm", stack, mm->StackPages);
        return isRight;
    }

    private bool Expect(string what, ulong expected, ulong found)
    {
        if (expected == found)
        {
            return true;
        }

        caches.Log.Report(new Core.Diagnostics.Corruption(Core.Diagnostics.CorruptionCategory.VmAreaTree, what, Address, expected, found));
        return false;
    }

    private static ulong PageAlign(ulong value) => unchecked(value + PageMask) & ~PageMask;

    private static VirtAddr PageAlign(VirtAddr address) => new(PageAlign(address.Value));

    private static bool IsMisaligned(VirtAddr address) => (address.Value & PageMask) != 0;

    private static VirtAddr Min(VirtAddr a, VirtAddr b) => a < b ? a : b;

    private static VirtAddr Max(VirtAddr a, VirtAddr b) => a > b ? a : b;
}
