// Reverse mapping of private pages: which VMAs may map a page of an anon_vma (mm/rmap.c).
//
// The first private page of a VMA gives it an anon_vma. fork chains the child's VMA to every anon_vma of the parent's VMA
// (the parent's pages are in the child) and gives it one of its own for the pages it will make. So a page's anon_vma leads to
// the VMA that made it and to all descendants' VMAs. Linux keeps the links of an anon_vma in an interval tree; here they are
// a list, newest first: the answer is the same.
//
// All of it lies in the arena. A VMA's list is walked for as many links as the VMA counts.

using System.Runtime.CompilerServices;
using Engine.Core.Arena;
using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <summary>Makes, links and frees <see cref="AnonVma"/>s; one per machine.</summary>
public sealed unsafe partial class AnonVmas
{
    /// <summary>The physical address that is no link.</summary>
    public static PhysAddr NoLink => new(ulong.MaxValue);

    private readonly MemoryMapCaches caches;
    private readonly PhysicalMemory memory;
    private readonly StructureWindow anonVmaWindow;
    private readonly StructureWindow linkWindow;
    private readonly StructureWindow areaWindow;

    /// <summary>Creates the view; it keeps no state of its own.</summary>
    /// <param name="caches">Where everything comes from.</param>
    public AnonVmas(MemoryMapCaches caches)
    {
        this.caches = caches;
        memory = caches.Memory;
        anonVmaWindow = new StructureWindow(memory, AnonVma.SizeBytes);
        linkWindow = new StructureWindow(memory, AnonVmaChain.SizeBytes);
        areaWindow = new StructureWindow(memory, VmArea.SizeBytes);
    }

    /// <summary>The first VMA that may map pages of an anon_vma; follow <see cref="Next"/> for the others (<c>rmap_walk_anon</c>).</summary>
    /// <param name="anonVma">As a page's mapping names it.</param>
    /// <param name="link">The walk's position.</param>
    public VmAreaRef FirstArea(AnonVmaRef anonVma, out PhysAddr link)
    {
        link = this[anonVma].Chain;
        return link == NoLink ? VmAreaRef.None : Link(link).Area;
    }

    /// <summary>The next VMA of a walk.</summary>
    /// <param name="link">The walk's position.</param>
    public VmAreaRef Next(ref PhysAddr link)
    {
        link = Link(link).NextOfAnonVma;
        return link == NoLink ? VmAreaRef.None : Link(link).Area;
    }

    /// <summary>Gives a VMA its anon_vma before its first private page (<c>__anon_vma_prepare</c>): a compatible neighbour's, or a new one.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="area">The VMA; it has none.</param>
    /// <param name="reused">A neighbour's that fits, or none.</param>
    /// <returns>False where there is no memory.</returns>
    public bool TryPrepare(CpuId cpu, VmAreaRef area, AnonVmaRef reused)
    {
        AnonVmaRef anonVma = reused;
        if (anonVma.IsNone && !TryCreate(cpu, out anonVma))
        {
            return false;
        }

        if (!TryLink(cpu, area, anonVma))
        {
            if (reused.IsNone)
            {
                Free(cpu, anonVma);
            }

            return false;
        }

        Area(area).AnonVma = anonVma;
        this[anonVma].ActiveVmaCount++;
        return true;
    }

    /// <summary>Chains a VMA to all anon_vmas of another (<c>anon_vma_clone</c>): for a split, a merge, a move, and as the first half of fork.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="to">The VMA that gets the links; it has none yet. Its <see cref="VmArea.AnonVma"/> is set by the caller, or none for fork.</param>
    /// <param name="from">The VMA whose links are copied.</param>
    /// <returns>False, with no link left, where there is no memory.</returns>
    public bool TryClone(CpuId cpu, VmAreaRef to, VmAreaRef from)
    {
        ref VmArea target = ref Area(to);
        ref VmArea source = ref Area(from);
        bool isFork = target.AnonVma.IsNone && !source.AnonVma.IsNone;
        PhysAddr tail = NoLink;
        PhysAddr link = source.AnonVmaChain;
        for (uint bound = source.AnonVmaChainCount; link != NoLink && bound > 0; bound--)
        {
            ref AnonVmaChain copied = ref Link(link);
            if (!TryLinkBehind(cpu, to, ref target, copied.AnonVma, ref tail))
            {
                target.AnonVma = AnonVmaRef.None;
                Unlink(cpu, to, isActive: false);
                return false;
            }

            link = copied.NextOfArea;
        }

        if (isFork)
        {
            ReuseOldest(to);
        }

        if (!target.AnonVma.IsNone)
        {
            this[target.AnonVma].ActiveVmaCount++;
        }

        return true;
    }

    /// <summary>Chains a child's VMA to its parent's anon_vmas and gives it one of its own (<c>anon_vma_fork</c>).</summary>
    /// <returns>False where there is no memory; the child's VMA is then without anon_vma.</returns>
    public bool TryFork(CpuId cpu, VmAreaRef child, VmAreaRef parent)
    {
        AnonVmaRef parentAnonVma = Area(parent).AnonVma;
        ref VmArea childArea = ref Area(child);
        childArea.AnonVma = AnonVmaRef.None;
        childArea.AnonVmaChain = NoLink;
        childArea.AnonVmaChainCount = 0;
        if (parentAnonVma.IsNone)
        {
            return true;
        }

        if (!TryClone(cpu, child, parent))
        {
            return false;
        }

        if (!childArea.AnonVma.IsNone)
        {
            return true;
        }

        if (!TryCreate(cpu, out AnonVmaRef own))
        {
            Unlink(cpu, child, isActive: false);
            return false;
        }

        ref AnonVma created = ref this[own];
        created.ChildCount = 0;
        created.Root = this[parentAnonVma].Root;
        created.Parent = parentAnonVma;
        this[created.Root].RefCount++;
        this[parentAnonVma].ChildCount++;
        if (!TryLink(cpu, child, own))
        {
            this[parentAnonVma].ChildCount--;
            this[created.Root].RefCount--;
            Free(cpu, own);
            Unlink(cpu, child, isActive: false);
            return false;
        }

        childArea.AnonVma = own;
        created.ActiveVmaCount++;
        return true;
    }

    /// <summary>Takes a VMA out of all its anon_vmas; those without VMAs are freed (<c>unlink_anon_vmas</c>).</summary>
    public void Unlink(CpuId cpu, VmAreaRef area) => Unlink(cpu, area, isActive: true);

    private void Unlink(CpuId cpu, VmAreaRef area, bool isActive)
    {
        ref VmArea owner = ref Area(area);
        if (isActive && !owner.AnonVma.IsNone)
        {
            this[owner.AnonVma].ActiveVmaCount--;
        }

        PhysAddr link = owner.AnonVmaChain;
        for (uint bound = owner.AnonVmaChainCount; link != NoLink && bound > 0; bound--)
        {
            ref AnonVmaChain content = ref Link(link);
            AnonVmaRef anonVma = content.AnonVma;
            PhysAddr next = content.NextOfArea;
            ref AnonVma left = ref this[anonVma];
            TakeOut(in content, ref left);
            caches.AnonVmaChains.Free(cpu, link);
            if (left.Chain == NoLink)
            {
                this[left.Parent].ChildCount--;
                Put(cpu, anonVma);
            }

            link = next;
        }

        owner.AnonVma = AnonVmaRef.None;
        owner.AnonVmaChain = NoLink;
        owner.AnonVmaChainCount = 0;
    }

    // The child's own pages may go to an ancestor's anon_vma that no VMA uses for new pages any more and that has no other
    // child: a chain of forks does not grow without bound. Oldest first; a root counts itself as a child and is never taken.
    private void ReuseOldest(VmAreaRef area)
    {
        ref VmArea owner = ref Area(area);
        PhysAddr link = owner.AnonVmaChain;
        for (uint bound = owner.AnonVmaChainCount; link != NoLink && bound > 0; bound--)
        {
            ref AnonVmaChain content = ref Link(link);
            ref AnonVma candidate = ref this[content.AnonVma];
            if (candidate.ChildCount < 2 && candidate.ActiveVmaCount == 0)
            {
                owner.AnonVma = content.AnonVma; // the list is newest first, so the last one found is the oldest
            }

            link = content.NextOfArea;
        }
    }

    private void Put(CpuId cpu, AnonVmaRef anonVma)
    {
        ref AnonVma content = ref this[anonVma];
        if (--content.RefCount > 0)
        {
            return;
        }

        AnonVmaRef root = content.Root;
        Free(cpu, anonVma);
        if (root != anonVma && --this[root].RefCount == 0)
        {
            Free(cpu, root);
        }
    }

    private bool TryCreate(CpuId cpu, out AnonVmaRef anonVma)
    {
        anonVma = AnonVmaRef.None;
        if (!caches.AnonVmas.TryAllocate(cpu, GfpFlags.Kernel, out PhysAddr address))
        {
            return false;
        }

        anonVma = new AnonVmaRef(address.Value);
        this[anonVma] = new AnonVma { Root = anonVma, Parent = anonVma, Chain = NoLink, ChildCount = 1, RefCount = 1 };
        return true;
    }

    private void Free(CpuId cpu, AnonVmaRef anonVma)
    {
        if (IsRam(anonVma.Value, AnonVma.SizeBytes))
        {
            caches.AnonVmas.Free(cpu, anonVma.Address);
        }
    }

    // A new link at the head of the VMA's list.
    private bool TryLink(CpuId cpu, VmAreaRef area, AnonVmaRef anonVma)
    {
        ref VmArea owner = ref Area(area);
        if (!TryAddToAnonVma(cpu, area, ref owner, anonVma, out PhysAddr link))
        {
            return false;
        }

        Link(link).NextOfArea = owner.AnonVmaChain;
        owner.AnonVmaChain = link;
        return true;
    }

    // A new link at the tail of the VMA's list, which keeps the order of the list that is copied.
    private bool TryLinkBehind(CpuId cpu, VmAreaRef area, ref VmArea owner, AnonVmaRef anonVma, ref PhysAddr tail)
    {
        if (!TryAddToAnonVma(cpu, area, ref owner, anonVma, out PhysAddr link))
        {
            return false;
        }

        if (tail == NoLink)
        {
            owner.AnonVmaChain = link;
        }
        else
        {
            Link(tail).NextOfArea = link;
        }

        tail = link;
        return true;
    }

    private bool TryAddToAnonVma(CpuId cpu, VmAreaRef area, ref VmArea owner, AnonVmaRef anonVma, out PhysAddr link)
    {
        if (!caches.AnonVmaChains.TryAllocate(cpu, GfpFlags.Kernel, out link))
        {
            return false;
        }

        ref PhysAddr chain = ref this[anonVma].Chain;
        PhysAddr first = chain;
        Link(link) = new AnonVmaChain
        {
            Area = area,
            AnonVma = anonVma,
            NextOfArea = NoLink,
            NextOfAnonVma = first,
            PreviousOfAnonVma = NoLink,
        };
        if (first != NoLink)
        {
            Link(first).PreviousOfAnonVma = link;
        }

        chain = link;
        owner.AnonVmaChainCount++;
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void TakeOut(in AnonVmaChain content, ref AnonVma left)
    {
        if (content.PreviousOfAnonVma == NoLink)
        {
            left.Chain = content.NextOfAnonVma;
        }
        else
        {
            Link(content.PreviousOfAnonVma).NextOfAnonVma = content.NextOfAnonVma;
        }

        if (content.NextOfAnonVma != NoLink)
        {
            Link(content.NextOfAnonVma).PreviousOfAnonVma = content.PreviousOfAnonVma;
        }
    }
}
