using Engine.Arm64.Units;

namespace Engine.Arm64.PageTables;

/// <summary>What the tables ask of the TLBs: Linux's <c>__flush_tlb_range</c>.</summary>
public interface ITlbInvalidator
{
    /// <summary>Drops what TLBs hold for a range of this address space.</summary>
    /// <param name="start">First address.</param>
    /// <param name="lengthBytes">Length in bytes.</param>
    /// <param name="level">The level of the leaves that changed.</param>
    public void InvalidateRange(VirtAddr start, ulong lengthBytes, int level);
}
