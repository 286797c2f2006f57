// The IPA cache holds translations of stage 2 alone: from intermediate to physical pages. Nested walks use it for the addresses of
// stage 1's descriptors and for the output of stage 1, so that a miss in the TLB does not cost up to twenty-four descriptors.
//
// It is an ordinary TLB level: entries carry the VMID and no ASID, and as in every TLB a stale one is used until it is
// invalidated (TLBI IPAS2E1 and its kin). Beside each entry stands the descriptor that it came from, for the checks and hardware updates
// that stage 2 makes at each use.

using Engine.Arm64.Translation;

namespace Engine.Arm64.Tlb;

/// <summary>A cache of stage 2 translations.</summary>
internal sealed unsafe class IpaCache
{
    private readonly TlbLevel level;
    private readonly Leaf[] leaves;
    private ulong tags;

    /// <summary>Creates an empty cache.</summary>
    /// <param name="geometry">Its shape.</param>
    /// <param name="seed">For the random policy.</param>
    public IpaCache(WalkCacheGeometry geometry, ulong seed)
    {
        level = new TlbLevel(geometry.ToLevel(), seed);
        leaves = new Leaf[geometry.Entries];
        SwitchTo(0);
    }

    /// <summary>Lookups, and those that found nothing.</summary>
    public TlbLevelStatistics Statistics => new("ipa", level.Lookups, level.Lookups - level.Misses, level.Misses);

    /// <summary>From here on lookups and fills belong to this virtual machine.</summary>
    public void SwitchTo(ushort vmid)
    {
        level.SwitchTo(0, vmid);
        tags = (1UL << TlbEntry.GlobalShift) | ((ulong)vmid << TlbEntry.VmidShift);
    }

    /// <summary>Looks an address up.</summary>
    /// <param name="ipa">The intermediate physical address.</param>
    /// <param name="leaf">Stage 2's leaf as it was when the entry was made, for this address.</param>
    public bool TryFind(ulong ipa, out Leaf leaf)
    {
        level.Lookups++;
        TlbEntry* entry = level.FindSmallest(ipa);
        if (entry == null)
        {
            level.Misses++;
            leaf = default;
            return false;
        }

        level.Touch(entry);
        leaf = leaves[entry - level[0]] with { Address = ipa };
        return true;
    }

    /// <summary>Keeps a leaf; the entry that its address has, if any, goes.</summary>
    /// <param name="leaf">Stage 2's leaf, its access flag set.</param>
    /// <param name="output">The physical address that it gives for its own address.</param>
    /// <param name="runShift">log2 of its contiguous run, or of the leaf.</param>
    public void Keep(in Leaf leaf, ulong output, int runShift)
    {
        TlbEntry* old = level.FindSmallest(leaf.Address);
        if (old != null)
        {
            level.Remove((int)(old - level[0]));
        }

        ulong meta = tags
            | ((ulong)(uint)leaf.Shift << TlbEntry.PageSizeShift)
            | ((ulong)(uint)(leaf.Level + 1) << TlbEntry.LevelShift)
            | (runShift > leaf.Shift ? 1UL << TlbEntry.ContiguousShift : 0);

        // A run's descriptors differ in their addresses: an entry is one leaf.
        TlbEntry entry = TlbEntry.Create(leaf.Address, leaf.Shift, unchecked(output - leaf.Address), meta);
        leaves[level.Insert(&entry) - level[0]] = leaf;
    }

    /// <summary>Takes out what an invalidation covers.</summary>
    /// <returns>How many entries went.</returns>
    public int Invalidate(in TlbInvalidation what) => level.Invalidate(what);
}
