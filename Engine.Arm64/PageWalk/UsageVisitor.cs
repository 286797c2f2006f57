using Engine.Arm64.Faults;
using Engine.Arm64.PageTables;
using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Arm64.PageWalk;

/// <summary>Counts the pages of a VMA (<c>smaps_pte_range</c>, <c>smaps_pte_entry</c>, <c>smaps_account</c>, fs/proc/task_mmu.c).</summary>
internal struct UsageVisitor : ILeafVisitor
{
    private const ulong ScaledPage = (ulong)Pfn.PageSizeBytes << VmAreaUsage.ProportionShift;
    private const int LastLevel = 3;

    private readonly UserFrames frames;
    private readonly PageTable tables;
    private readonly bool isLocked;
    private ulong resident;
    private ulong anonymous;
    private ulong sharedClean;
    private ulong sharedDirty;
    private ulong privateClean;
    private ulong privateDirty;
    private ulong referenced;
    private ulong lazyFree;
    private ulong swapped;
    private ulong huge;
    private ulong shmemHuge;
    private ulong fileHuge;
    private ulong proportional;
    private ulong proportionalDirty;
    private ulong proportionalAnonymous;
    private ulong proportionalShmem;
    private ulong swapProportional;

    public UsageVisitor(UserFrames frames, PageTable tables, bool isLocked)
    {
        this.frames = frames;
        this.tables = tables;
        this.isLocked = isLocked;
    }

    public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
    {
        Descriptor entry = level == LastLevel && descriptor.IsContiguous ? tables.ReadGathered(address) : descriptor;
        if (!entry.IsPresent)
        {
            if (entry.IsSwap)
            {
                swapped++;
                swapProportional += ScaledPage;
            }

            return true;
        }

        uint count = level == LastLevel ? 1u : 512u;
        for (uint i = 0; i < count; i++)
        {
            Count(entry, entry.Pfn + i, isHuge: count > 1);
        }

        return true;
    }

    public readonly VmAreaUsage ToUsage() => new()
    {
        ResidentPages = resident,
        AnonymousPages = anonymous,
        SharedCleanPages = sharedClean,
        SharedDirtyPages = sharedDirty,
        PrivateCleanPages = privateClean,
        PrivateDirtyPages = privateDirty,
        ReferencedPages = referenced,
        LazyFreePages = lazyFree,
        SwapPages = swapped,
        AnonymousHugePages = huge,
        ShmemHugePages = shmemHuge,
        FileHugePages = fileHuge,
        ScaledProportional = proportional,
        ScaledProportionalDirty = proportionalDirty,
        ScaledProportionalAnonymous = proportionalAnonymous,
        ScaledProportionalFile = proportional - proportionalAnonymous - proportionalShmem,
        ScaledProportionalShmem = proportionalShmem,
        ScaledLocked = isLocked ? proportional : 0,
        ScaledSwapProportional = swapProportional,
    };

    private void Count(Descriptor entry, Pfn pfn, bool isHuge)
    {
        // The zero page belongs to nobody (vm_normal_page).
        if (entry.IsSpecial || !frames.TryGetFrame(pfn, out Frame frame, out ulong folioFlags))
        {
            return;
        }

        bool isAnonymous = (frame.Mapping & PageFlag.MappingAnon) != 0;
        bool isDirty = entry.IsDirty || (folioFlags & PageFlag.Dirty) != 0;
        resident++;
        if (isAnonymous)
        {
            anonymous++;
            huge += isHuge ? 1UL : 0;
            lazyFree += (folioFlags & PageFlag.SwapBacked) == 0 && !isDirty ? 1UL : 0;
        }
        else if (isHuge)
        {
            shmemHuge += (folioFlags & PageFlag.SwapBacked) != 0 ? 1UL : 0;
            fileHuge += (folioFlags & PageFlag.SwapBacked) == 0 ? 1UL : 0;
        }

        referenced += entry.IsYoung || (folioFlags & PageFlag.Referenced) != 0 ? 1UL : 0;
        ulong mappings = (ulong)Math.Max(1, frame.MapCount);
        ulong share = ScaledPage / mappings;
        proportional += share;
        proportionalDirty += isDirty ? share : 0;
        proportionalAnonymous += isAnonymous ? share : 0;
        proportionalShmem += !isAnonymous && (folioFlags & PageFlag.SwapBacked) != 0 ? share : 0;
        switch (mappings > 1, isDirty)
        {
            case (true, true):
                sharedDirty++;
                break;
            case (true, false):
                sharedClean++;
                break;
            case (false, true):
                privateDirty++;
                break;
            default:
                privateClean++;
                break;
        }
    }
}
