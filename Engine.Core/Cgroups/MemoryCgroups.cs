// Memory cgroups: who pays for a page (mm/memcontrol.c). A page is charged when it is allocated for a user or for the page
// cache, to the group of the process that acts; its descriptor's MemcgData names the group's record, and it is uncharged
// when its frame is freed. A charge over the limit reclaims pages of the group first, and kills when nothing comes of it.
//
// Simpler than Linux: no hierarchy, no stock of 64 pages a CPU, and what the kernel itself uses for a process (page tables,
// slabs) is not charged.

using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Reclaim;
using Engine.Core.Slab;
using Engine.Core.Units;

namespace Engine.Core.Cgroups;

/// <summary>The memory cgroups of a machine, below the root, which has no limit.</summary>
public sealed unsafe class MemoryCgroups
{
    // MAX_RECLAIM_RETRIES and SWAP_CLUSTER_MAX.
    private const int ReclaimRoundsMax = 16;
    private const ulong ReclaimPagesMin = 32;

    // PAGE_ALLOC_COSTLY_ORDER: for larger folios nobody is killed.
    private const ulong KillingPagesMax = 1 << 3;

    private readonly PageAllocator pages;
    private readonly SlabCache records;
    private readonly MemoryCgroup?[] active;
    private readonly List<MemoryCgroup> groups = [];
    private readonly int recordBytes;

    /// <summary>Makes the root alone.</summary>
    /// <param name="pages">Whose pages are charged.</param>
    public MemoryCgroups(PageAllocator pages)
    {
        this.pages = pages;
        active = new MemoryCgroup?[pages.CpuCount];
        recordBytes = MemoryCgroupRecord.SizeBytes + (pages.NodeCount * LruVec.SizeBytes);
        records = new SlabCache(pages, "mem_cgroup", recordBytes, 64);
    }

    /// <summary>All groups but the root.</summary>
    public IReadOnlyList<MemoryCgroup> Groups => groups;

    /// <summary>What reclaims and kills; without it a charge over the limit fails.</summary>
    public ICgroupPressure? Pressure { get; set; }

    /// <summary>Makes a group below the root.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="name">Its name.</param>
    /// <param name="limitPages">The most pages that may be charged.</param>
    /// <returns>Null where there is no memory for it.</returns>
    public MemoryCgroup? Create(CpuId cpu, string name, ulong limitPages)
    {
        if (!records.TryAllocate(cpu, GfpFlags.Kernel | GfpFlags.Zero, out PhysAddr address))
        {
            return null;
        }

        MemoryCgroup group = new(pages.Memory, address, (ulong)groups.Count + 1, name, limitPages);
        groups.Add(group);
        pages.Lru.Cgroups = this;
        return group;
    }

    /// <summary>Whom the pages are charged to that a CPU takes from now on: the group of the process that acts; null for the root.</summary>
    public void SetActive(CpuId cpu, MemoryCgroup? group) => active[cpu.Value] = group;

    /// <summary>See <see cref="SetActive"/>.</summary>
    public MemoryCgroup? ActiveOn(CpuId cpu) => active[cpu.Value];

    /// <summary>Charges a block to a group (<c>mem_cgroup_charge</c>, <c>try_charge_memcg</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="group">The group; null for the root, which takes everything.</param>
    /// <param name="pfn">The block's first frame, charged to nobody.</param>
    /// <param name="pageCount">Its pages.</param>
    /// <returns>False where the limit cannot be kept: who acts has no more memory.</returns>
    public bool TryCharge(CpuId cpu, MemoryCgroup? group, Pfn pfn, ulong pageCount)
    {
        if (group is null)
        {
            return true;
        }

        ref MemoryCgroupRecord record = ref group.Record;
        for (int rounds = 0; record.UsagePages + (long)pageCount > record.LimitPages; rounds++)
        {
            record.MaxEvents++;
            ulong wanted = Math.Max(pageCount, ReclaimPagesMin);
            if (Pressure is not { } pressure)
            {
                return false;
            }

            if (pressure.Reclaim(cpu, group, wanted) == 0 && rounds >= ReclaimRoundsMax)
            {
                if (pageCount > KillingPagesMax)
                {
                    return false;
                }

                record.OomKills++;
                if (!pressure.Kill(cpu, group))
                {
                    return false;
                }

                rounds = 0;
            }
        }

        record.UsagePages += (long)pageCount;
        record.PeakPages = Math.Max(record.PeakPages, record.UsagePages);
        pages.Frames[pfn].MemcgData = group.Address.ToUInt64();
        return true;
    }

    /// <summary>Takes a charge back as the frame is freed (<c>mem_cgroup_uncharge</c>).</summary>
    internal void Uncharge(ref Frame frame, ulong pageCount)
    {
        if (frame.MemcgData != 0 && Find(frame.MemcgData) is { } group)
        {
            group.Record.UsagePages -= (long)pageCount;
        }

        frame.MemcgData = 0;
    }

    /// <summary>The LRU lists that a descriptor's word leads to.</summary>
    internal bool TryGetLists(ulong memcgData, int node, out LruVec* lists)
    {
        lists = null;
        if (Find(memcgData) is not { } group || unchecked((uint)node) >= (uint)pages.NodeCount)
        {
            return false;
        }

        // SAFETY: the group's record is as long as its lists for all nodes, and lies in RAM.
        lists = (LruVec*)(pages.Memory.Bias + group.Address.Value + MemoryCgroupRecord.SizeBytes) + node;
        return true;
    }

    internal void ForEachLists(Action<nint> action)
    {
        foreach (MemoryCgroup group in groups)
        {
            for (int node = 0; node < pages.NodeCount && TryGetLists(group.Address.ToUInt64(), node, out LruVec* lists); node++)
            {
                action((nint)lists);
            }
        }
    }

    /// <summary>Compares each group's usage with the descriptors.</summary>
    /// <returns>What is wrong; empty where all is well.</returns>
    public IReadOnlyList<Corruption> Verify()
    {
        Dictionary<ulong, long> charged = [];
        for (uint i = 0; i < pages.Frames.Count; i++)
        {
            Pfn pfn = pages.Frames.First + i;
            if (pages.Frames.IsValid(pfn) && pages.Frames[pfn] is { RefCount: > 0, MemcgData: not 0 } frame)
            {
                charged[frame.MemcgData] = charged.GetValueOrDefault(frame.MemcgData) + (long)pages.GetOrder(pfn).PageCount;
            }
        }

        List<Corruption> findings = [];
        foreach (MemoryCgroup group in groups)
        {
            long expected = charged.GetValueOrDefault(group.Address.ToUInt64());
            if (group.Record.UsagePages != expected)
            {
                findings.Add(new Corruption(CorruptionCategory.Counter, "pages charged to a memory cgroup", group.Address, (ulong)expected, (ulong)group.Record.UsagePages));
            }
        }

        return findings;
    }

    // The word comes from a descriptor: only a record that a group has is one.
    private MemoryCgroup? Find(ulong memcgData)
    {
        PhysAddr address = new(memcgData);
        if (!pages.Memory.Contains(address, (ulong)recordBytes) || (memcgData & 63) != 0)
        {
            return Bad(memcgData);
        }

        ulong id = pages.Memory.GetRef<MemoryCgroupRecord>(address).Id;
        return unchecked(id - 1) < (ulong)groups.Count && groups[(int)(id - 1)].Address == address ? groups[(int)(id - 1)] : Bad(memcgData);
    }

    private MemoryCgroup? Bad(ulong memcgData)
    {
        pages.Log.Report(new Corruption(CorruptionCategory.BadPageState, "page charged to no memory cgroup", new PhysAddr(memcgData), 0, memcgData));
        return null;
    }
}
