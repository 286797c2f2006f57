// From a frame to every page-table entry that maps it (mm/rmap.c): through the anon_vma that its descriptor names, or through
// the VMAs of its file. All links come from the arena and are walked with a bound; an entry counts only where it maps this frame.

using Engine.Arm64.Faults;
using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Frames;
using Engine.Core.Reclaim;
using Engine.Core.Swap;
using Engine.Core.Units;

namespace Engine.Arm64.Rmap;

/// <summary>Reaches the page tables for reclaim.</summary>
internal sealed class ReverseMap : IReverseMap
{
    private delegate bool MappingAction(Process process, in VmArea area, VirtAddr address, Descriptor entry);

    private readonly Machine machine;

    public ReverseMap(Machine machine) => this.machine = machine;

    public bool TryUnmap(CpuId cpu, Pfn pfn)
    {
        bool isGoing = true;
        ForEachMapping(pfn, (Process process, in VmArea area, VirtAddr address, Descriptor entry) =>
        {
            isGoing = TryUnmapOne(cpu, pfn, process, in area, address, entry);
            return isGoing;
        });
        return isGoing && machine.UserFrames[pfn].MapCount == 0;
    }

    public bool TrySplit(CpuId cpu, Pfn head, bool keepsZeroes)
    {
        // What was to be freed lazily and was written since stays (try_to_unmap_one), but for its blocks.
        bool isLazilyFree = (machine.UserFrames[head].Flags & PageFlag.SwapBacked) == 0;
        if (isLazilyFree && machine.FolioSplitter.IsWritten(head))
        {
            machine.FolioSplitter.SplitMaps(cpu, head);
            machine.Pages.Lru.MakeSwapBacked(head);
            return false;
        }

        return machine.FolioSplitter.TrySplit(cpu, head, keepsZeroes);
    }

    public int CountReferences(CpuId cpu, Pfn pfn, out bool isLocked)
    {
        if ((machine.UserFrames[pfn].Flags & PageFlag.Head) != 0 && (machine.UserFrames[pfn].Mapping & PageFlag.MappingAnon) != 0)
        {
            return machine.FolioSplitter.CountReferences(pfn, out isLocked);
        }

        int count = 0;
        bool isAnyLocked = false;
        ForEachMapping(pfn, (Process process, in VmArea area, VirtAddr address, Descriptor entry) =>
        {
            isAnyLocked |= (area.Flags & VmFlags.Locked) != 0;
            if (entry.IsYoung)
            {
                count++;
                process.Tables.Set(address, entry.MakeOld());
                process.FlushPage(address);
            }

            return true;
        });
        isLocked = isAnyLocked;
        return count;
    }

    // try_to_unmap_one
    private bool TryUnmapOne(CpuId cpu, Pfn pfn, Process process, in VmArea area, VirtAddr address, Descriptor entry)
    {
        UserFrames frames = machine.UserFrames;
        ref Frame frame = ref frames[pfn];
        if (UserFrames.IsLocking(area.Flags))
        {
            return false;
        }

        process.Tables.Set(address, Descriptor.None);
        process.FlushPage(address);
        frame.Flags |= entry.IsDirty ? PageFlag.Dirty : 0;
        if ((frame.Mapping & PageFlag.MappingAnon) != 0 && !TryReplace(process, pfn, ref frame, address))
        {
            process.Tables.Set(address, entry);
            return false;
        }

        frames.Unmap(process, cpu, entry);
        return true;
    }

    private bool TryReplace(Process process, Pfn pfn, ref Frame frame, VirtAddr address)
    {
        if ((frame.Flags & PageFlag.SwapBacked) == 0)
        {
            // Lazily freed: it goes, but not where it was written since, or somebody else holds it.
            bool mayGo = (frame.Flags & PageFlag.Dirty) == 0 && frame.RefCount == 1 + frame.MapCount;
            if (!mayGo && (frame.Flags & PageFlag.Dirty) != 0)
            {
                machine.Pages.Lru.MakeSwapBacked(pfn);
            }

            return mayGo;
        }

        SwapEntry slot = SwapEntry.FromUInt64(frame.Private);
        if ((frame.Flags & PageFlag.SwapCache) == 0 || !machine.Swap.TryDuplicate(slot))
        {
            return false;
        }

        bool isExclusive = (frame.Flags & PageFlag.AnonExclusive) != 0;
        frame.Flags &= ~PageFlag.AnonExclusive;
        process.Tables.Set(address, Descriptor.ForSwap(slot.Type, slot.Offset, isExclusive));
        process.Memory.State.SwapEntries++;
        return true;
    }

    private void ForEachMapping(Pfn pfn, MappingAction action)
    {
        ref Frame frame = ref machine.UserFrames[pfn];
        if ((frame.Mapping & PageFlag.MappingAnon) == 0)
        {
            if (machine.PageCache.MappingOf(pfn) is { } mapping)
            {
                ulong index = frame.Index;
                foreach (OpenFile file in machine.Files.OpeningsOf(mapping))
                {
                    machine.FileReverseMap.ForEachArea(file, (process, area) => Visit(process, in area, index, pfn, action));
                }
            }

            return;
        }

        ulong bound = machine.Memory.LengthBytes / VmArea.SizeBytes;
        VmAreaRef at = machine.AnonVmas.FirstArea(new AnonVmaRef(frame.Mapping & ~PageFlag.MappingAnon), out PhysAddr link);
        for (; !at.IsNone && frame.MapCount > 0 && bound > 0; bound--)
        {
            if (!machine.Memory.TryRead(at.Address, out VmArea area) || !machine.TryFindProcess(area.Owner, out Process? process)
                || !Visit(process, in area, frame.Index, pfn, action))
            {
                return;
            }

            at = machine.AnonVmas.Next(ref link);
        }
    }

    // Whether the walk goes on.
    private static bool Visit(Process process, in VmArea area, ulong index, Pfn pfn, MappingAction action)
    {
        if (unchecked(index - area.PageOffset) >= area.PageCount)
        {
            return true;
        }

        VirtAddr address = area.Start + ((index - area.PageOffset) << Pfn.PageShift);
        if (address >= process.Memory.Options.TaskSize)
        {
            return true;
        }

        Descriptor entry = process.Tables.Read(address);
        return !entry.IsPresent || entry.IsSpecial || entry.Pfn != pfn || action(process, in area, address, entry);
    }
}
