using Engine.Arm64.Kernel;
using Engine.Arm64.Units;
using Engine.Core.Units;
using Xunit;

namespace Engine.PropertyTests.Kernel;

/// <summary>The naive page tables: a dictionary. A page that was unmapped may still be in a TLB until it is flushed, and must not be mapped anew before.</summary>
internal sealed class ModelMapper : IVmallocMapper
{
    private readonly HashSet<ulong> stale = [];

    public SortedDictionary<ulong, (ulong Physical, bool IsDevice)> Pages { get; } = [];

    public int Flushes { get; private set; }

    /// <summary>How many pages can be mapped before there is no memory for page tables.</summary>
    public int Room { get; set; } = int.MaxValue;

    public bool TryMap(CpuId cpu, VirtAddr address, PhysAddr physical, ulong lengthBytes, int shift, bool isDevice)
    {
        Assert.Equal(0UL, (address.ToUInt64() | physical.ToUInt64() | lengthBytes) & ((1UL << shift) - 1));
        for (ulong offset = 0; offset < lengthBytes; offset += 4096)
        {
            if (Room-- <= 0)
            {
                return false;
            }

            ulong page = address.ToUInt64() + offset;
            Assert.DoesNotContain(page, stale);
            Pages.Add(page, (physical.ToUInt64() + offset, isDevice));
        }

        return true;
    }

    public void Unmap(CpuId cpu, VirtAddr address, ulong lengthBytes)
    {
        for (ulong page = address.ToUInt64(); page < address.ToUInt64() + lengthBytes; page += 4096)
        {
            if (Pages.Remove(page))
            {
                stale.Add(page);
            }
        }
    }

    public void Flush(CpuId cpu, VirtAddr start, VirtAddr end)
    {
        Flushes++;
        stale.RemoveWhere(page => page >= start.ToUInt64() && page < end.ToUInt64());
    }
}
