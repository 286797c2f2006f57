// What boot carves out of physical memory, by name. Plays memblock's role (mm/memblock.c): regions are taken
// from the top of a bank downward, before the page allocator exists; what is not taken belongs to the allocator.
// Every later consumer of boot-time memory adds its region here, so that the plan can be printed, counted as
// metadata, and enumerated by whoever injects faults.

using Engine.Core.Units;

namespace Engine.Core.Arena;

/// <summary>The boot-time plan of physical memory: which region holds what.</summary>
public sealed class MemoryLayout
{
    private readonly PhysicalMemory memory;
    private readonly List<MemoryRegion> regions = [];

    /// <summary>Starts an empty plan.</summary>
    /// <param name="memory">The memory to carve.</param>
    public MemoryLayout(PhysicalMemory memory) => this.memory = memory;

    /// <summary>All regions, ascending by address.</summary>
    public IReadOnlyList<MemoryRegion> Regions => regions;

    /// <summary>Bytes in all regions.</summary>
    public ulong ReservedBytes => regions.Aggregate(0UL, (sum, region) => sum + region.LengthBytes);

    /// <summary>Takes a region from the top of memory downward.</summary>
    /// <param name="name">What it will hold.</param>
    /// <param name="lengthBytes">Bytes; rounded up to frames.</param>
    /// <param name="alignmentBytes">A power of two, at least a frame.</param>
    /// <param name="node">The node whose banks are tried first; the others follow.</param>
    /// <returns>The region, aligned.</returns>
    /// <exception cref="ArgumentException">No bank has room: the machine is too small for its own metadata.</exception>
    public MemoryRegion Reserve(string name, ulong lengthBytes, ulong alignmentBytes = Pfn.PageSizeBytes, int node = 0)
    {
        ulong length = (lengthBytes + Pfn.PageSizeBytes - 1) & ~(ulong)(Pfn.PageSizeBytes - 1);
        MemoryRegion? found = FindFromTop(name, length, alignmentBytes, bank => bank.Node == node)
            ?? FindFromTop(name, length, alignmentBytes, bank => bank.Node != node);
        if (found is not { } region)
        {
            throw new ArgumentException($"memory of {memory.LengthBytes} bytes has no room for {length} bytes of {name}", nameof(lengthBytes));
        }

        Insert(region);
        return region;
    }

    /// <summary>Takes a region at a fixed place.</summary>
    /// <exception cref="ArgumentException">The place is not RAM, or taken.</exception>
    public MemoryRegion ReserveAt(string name, PhysAddr start, ulong lengthBytes)
    {
        MemoryRegion region = new(name, start, lengthBytes);
        if (!memory.Contains(start, lengthBytes) || regions.Any(other => start < other.End && other.Start < region.End))
        {
            throw new ArgumentException($"{lengthBytes} bytes of {name} at {start} are not free RAM", nameof(start));
        }

        Insert(region);
        return region;
    }

    /// <summary>Forgets a region whose memory goes to the page allocator after boot (<c>free_initmem</c>).</summary>
    /// <exception cref="ArgumentException">There is no such region.</exception>
    public void Release(in MemoryRegion region)
    {
        if (!regions.Remove(region))
        {
            throw new ArgumentException($"{region} is not in the plan", nameof(region));
        }
    }

    /// <summary>The parts of the banks that no region takes, ascending: what the page allocator gets.</summary>
    public IEnumerable<MemoryBank> FreeRanges()
    {
        foreach (MemoryBank bank in memory.Banks.ToArray())
        {
            PhysAddr start = bank.Start;
            foreach (MemoryRegion region in regions.Where(region => region.Start >= bank.Start && region.End <= bank.End))
            {
                if (region.Start > start)
                {
                    yield return new MemoryBank(start, region.Start - start, bank.Node);
                }

                start = region.End;
            }

            if (start < bank.End)
            {
                yield return new MemoryBank(start, bank.End - start, bank.Node);
            }
        }
    }

    private MemoryRegion? FindFromTop(string name, ulong lengthBytes, ulong alignmentBytes, Func<MemoryBank, bool> wanted)
    {
        foreach (MemoryBank free in FreeRanges().Where(wanted).Reverse())
        {
            if (free.LengthBytes < lengthBytes)
            {
                continue;
            }

            ulong start = (free.End.Value - lengthBytes) & ~(alignmentBytes - 1);
            if (start >= free.Start.Value)
            {
                return new MemoryRegion(name, new PhysAddr(start), lengthBytes);
            }
        }

        return null;
    }

    private void Insert(MemoryRegion region)
    {
        int index = regions.FindIndex(other => other.Start > region.Start);
        regions.Insert(index < 0 ? regions.Count : index, region);
    }
}
