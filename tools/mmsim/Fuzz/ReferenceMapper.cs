using Engine.Arm64.Kernel;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Mmsim.Fuzz;

/// <summary>The reference for page tables and TLBs: a set of mapped pages, and a set of pages that a TLB may still hold.</summary>
internal sealed class ReferenceMapper : IVmallocMapper
{
    private readonly HashSet<ulong> stale = [];

    /// <summary>Mapped pages and what they are mapped to.</summary>
    public Dictionary<ulong, ulong> Pages { get; } = [];

    /// <summary>Pages that can still be mapped before there is no memory for tables.</summary>
    public int Room { get; set; } = int.MaxValue;

    public bool TryMap(CpuId cpu, VirtAddr address, PhysAddr physical, ulong lengthBytes, int shift, bool isDevice)
    {
        for (ulong offset = 0; offset < lengthBytes; offset += Pfn.PageSizeBytes)
        {
            ulong page = address.ToUInt64() + offset;
            if (Room-- <= 0)
            {
                return false;
            }

            if (stale.Contains(page) || !Pages.TryAdd(page, physical.ToUInt64() + offset))
            {
                throw new FuzzMismatchException($"page 0x{page:x} is mapped while {(stale.Contains(page) ? "a TLB may hold it" : "it is mapped")}");
            }
        }

        return true;
    }

    public void Unmap(CpuId cpu, VirtAddr address, ulong lengthBytes)
    {
        for (ulong offset = 0; offset < lengthBytes; offset += Pfn.PageSizeBytes)
        {
            if (Pages.Remove(address.ToUInt64() + offset))
            {
                stale.Add(address.ToUInt64() + offset);
            }
        }
    }

    public void Flush(CpuId cpu, VirtAddr start, VirtAddr end) => stale.RemoveWhere(page => page >= start.ToUInt64() && page < end.ToUInt64());
}
