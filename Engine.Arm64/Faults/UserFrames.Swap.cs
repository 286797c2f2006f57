using System.Runtime.CompilerServices;
using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Core.Frames;
using Engine.Core.Swap;
using Engine.Core.Units;

namespace Engine.Arm64.Faults;

/// <content>Swap entries, the swap cache, LRU lists, charges.</content>
internal sealed partial class UserFrames
{
    /// <summary>What a swap entry in a page table names.</summary>
    public static SwapEntry ToSwapEntry(Descriptor entry) => new(entry.SwapType, entry.SwapOffset);

    /// <summary>Puts a frame that a VMA maps on its LRU list (<c>folio_add_lru_vma</c>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddToLists(CpuId cpu, Pfn pfn, VmFlags flags)
    {
        if (IsLocking(flags))
        {
            lru.LockNew(cpu, pfn);
        }
        else
        {
            lru.Add(cpu, pfn);
        }
    }

    /// <summary>Makes a frame whose content came from swap space a page that one more entry maps; the caller has the reference for it (<c>folio_add_new_anon_rmap</c>, <c>folio_add_anon_rmap_ptes</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="pfn">The frame.</param>
    /// <param name="area">The VMA.</param>
    /// <param name="root">The root of its anon_vma: a page that others may have belongs to the oldest.</param>
    /// <param name="pageIndex">The page's place.</param>
    /// <param name="isExclusive">Whether nobody else can see it.</param>
    /// <param name="leavesNewUnlocked">Whether a page that nobody mapped is not locked, though the VMA is (Linux 6.11 and later).</param>
    public void AddSwappedIn(CpuId cpu, Pfn pfn, in VmArea area, AnonVmaRef root, ulong pageIndex, bool isExclusive, bool leavesNewUnlocked)
    {
        ref Frame frame = ref frames[pfn];
        bool isNew = (frame.Mapping & PageFlag.MappingAnon) == 0;
        if (isNew)
        {
            frame.Mapping = (isExclusive ? area.AnonVma : root).Value | PageFlag.MappingAnon;
            frame.Index = pageIndex;
        }

        frame.Flags |= isExclusive ? PageFlag.AnonExclusive : 0;
        frame.MapCount++;
        if (IsLocking(area.Flags) && !(isNew && leavesNewUnlocked))
        {
            lru.Lock(cpu, pfn);
        }
    }

    /// <summary>Gives back what a cleared swap entry referred to (<c>free_swap_and_cache</c>).</summary>
    public void FreeSwap(Process process, CpuId cpu, Descriptor entry)
    {
        process.Memory.State.SwapEntries--;
        Swap.Free(ToSwapEntry(entry), out Pfn cached);
        if (cached == Pfn.None)
        {
            return;
        }

        ref Frame frame = ref frames[cached];
        if (frame.MapCount == 0 || Swap.IsFull)
        {
            Swap.Uncache(cached);
            frame.Flags |= PageFlag.Dirty;
            Put(cpu, cached);
        }
    }

    /// <summary>Takes a frame out of the swap cache where nobody refers to its slot (<c>folio_free_swap</c>): its content is only here then.</summary>
    /// <remarks>The caller has another reference to the frame.</remarks>
    public void TryFreeSwapCache(Pfn pfn, ref Frame frame)
    {
        if ((frame.Flags & PageFlag.SwapCache) != 0 && frame.RefCount > 1 && Swap.IsUnreferenced(pfn))
        {
            Swap.Uncache(pfn);
            frame.Flags |= PageFlag.Dirty;
            frame.RefCount--;
        }
    }

    /// <summary>Whether a swapped page is in memory all the same (<c>mincore_swap</c>).</summary>
    public bool IsSwapCached(Descriptor entry)
    {
        Pfn cached = Swap.FindCached(ToSwapEntry(entry));
        return cached != Pfn.None && (frames[cached].Flags & PageFlag.Uptodate) != 0;
    }

    /// <summary>Whether MADV_PAGEOUT takes a page, or the folio that begins with it: what only this process maps. It looks unused from now on.</summary>
    public bool TryPreparePageOut(Descriptor entry)
    {
        if (entry.IsSpecial || !frames.IsValid(entry.Pfn) || frames[entry.Pfn].MapCount != 1 || (frames[entry.Pfn].Flags & PageFlag.Lru) == 0
            || (TryGetLargeAnonymous(entry, out Pfn head, out _) && Large(head).MayBeShared))
        {
            return false;
        }

        ref Frame frame = ref frames[entry.Pfn];
        frame.Flags &= ~PageFlag.Referenced;
        frame.Flags |= (frame.Flags & PageFlag.Active) != 0 ? PageFlag.Workingset : 0;
        return true;
    }

    /// <summary>The descriptor of a frame.</summary>
    public ref Frame this[Pfn pfn] => ref frames[pfn];

    // mem_cgroup_charge
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryCharge(CpuId cpu, ref Pfn pfn, Order order = default)
    {
        if (lru.Cgroups is not { } cgroups || cgroups.TryCharge(cpu, cgroups.ActiveOn(cpu), pfn, order.PageCount))
        {
            return true;
        }

        allocator.Free(cpu, pfn, order);
        pfn = Pfn.None;
        return false;
    }
}
