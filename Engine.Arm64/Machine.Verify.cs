using Engine.Arm64.Rmap;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.PageCache;
using Engine.Core.Swap;
using Engine.Core.Units;

namespace Engine.Arm64;

/// <content>Counts checked against the page tables.</content>
public sealed partial class Machine
{
    /// <summary>
    /// Recomputes what swap, LRU lists and memory cgroups count from the slow truth: each slot's count equals the entries in page tables and
    /// in shared memory's indexes, each single frame's mappings and references what refers to it. No CPU may be acting.
    /// </summary>
    /// <returns>What is wrong; empty where all is well.</returns>
    public IReadOnlyList<Corruption> VerifyReclaim()
    {
        Pages.Lru.DrainAll();
        Dictionary<Pfn, int> mappings = [];
        Dictionary<SwapEntry, uint> slots = [];
        List<Corruption> findings = [];
        foreach (Process process in processes)
        {
            MappingCount count = new(mappings, slots);
            process.Tables.Visit(default, process.Memory.Options.TaskSize.ToUInt64(), ref count);
            if (count.SwapEntries != process.Memory.State.SwapEntries)
            {
                findings.Add(new Corruption(
                    CorruptionCategory.Counter, "swap entries of a process", process.Memory.Address, (ulong)count.SwapEntries, unchecked((ulong)process.Memory.State.SwapEntries)));
            }
        }

        foreach (FileMapping mapping in PageCache.Mappings)
        {
            mapping.ForEachSwapped(slot => slots[slot] = slots.GetValueOrDefault(slot) + 1);
        }

        VerifyAnonymous(findings, mappings);
        findings.AddRange(Swap.Verify(slots));
        findings.AddRange(Pages.Lru.Verify());
        findings.AddRange(Cgroups.Verify());
        return findings;
    }

    private void VerifyAnonymous(List<Corruption> findings, Dictionary<Pfn, int> mappings)
    {
        for (uint i = 0; i < Pages.Frames.Count; i++)
        {
            Pfn pfn = Pages.Frames.First + i;
            if (!Pages.Frames.IsValid(pfn) || (Pages.Frames[pfn].Flags & (PageFlag.Lru | PageFlag.Head)) != PageFlag.Lru)
            {
                continue;
            }

            ref Frame frame = ref Pages.Frames[pfn];
            int mapped = mappings.GetValueOrDefault(pfn);
            bool isAnonymous = (frame.Mapping & PageFlag.MappingAnon) != 0 || (frame.Flags & PageFlag.SwapCache) != 0;
            int references = mapped + (isAnonymous ? 0 : 1) + ((frame.Flags & PageFlag.SwapCache) != 0 ? 1 : 0);
            if (frame.MapCount != mapped)
            {
                findings.Add(new Corruption(CorruptionCategory.BadPageState, "mappings of a frame", pfn.Address, (ulong)mapped, unchecked((ulong)frame.MapCount)));
            }

            if (frame.RefCount != references)
            {
                findings.Add(new Corruption(CorruptionCategory.BadPageState, "references to a frame", pfn.Address, (ulong)references, unchecked((ulong)frame.RefCount)));
            }

            if (mapped > 1 && (frame.Flags & PageFlag.AnonExclusive) != 0 && isAnonymous)
            {
                findings.Add(new Corruption(CorruptionCategory.BadPageState, "exclusive frame that several map", pfn.Address, 1, (ulong)mapped));
            }
        }
    }
}
