using System.Runtime.InteropServices;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <summary>
/// One mapped range of a process: the role of <c>struct vm_area_struct</c> (include/linux/mm_types.h), in the arena,
/// from the slab cache of that name. The fault path reads the first 64 bytes only.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = SizeBytes)]
public struct VmArea
{
    /// <summary>Bytes in a VMA.</summary>
    public const int SizeBytes = 128;

    /// <summary>The value of <see cref="File"/> that is no file.</summary>
    public const uint NoFile = 0;

    /// <summary>First byte; on a page boundary.</summary>
    [FieldOffset(0)]
    public VirtAddr Start;

    /// <summary>First byte after the range; on a page boundary.</summary>
    [FieldOffset(8)]
    public VirtAddr End;

    /// <summary>What it allows and how it behaves.</summary>
    [FieldOffset(16)]
    public VmFlags Flags;

    /// <summary>The page of the file that <see cref="Start"/> shows; for private anonymous memory the page number that the range had when it was first used (<c>vm_pgoff</c>).</summary>
    [FieldOffset(24)]
    public ulong PageOffset;

    /// <summary>The file, numbered from 1 by whoever owns files; <see cref="NoFile"/> for private anonymous memory. Shared anonymous memory has a file of its own.</summary>
    [FieldOffset(32)]
    public uint File;

    /// <summary>How many anon_vmas the VMA is chained to; one where no ancestor's pages can be here (<c>list_is_singular(anon_vma_chain)</c>).</summary>
    [FieldOffset(36)]
    public uint AnonVmaChainCount;

    /// <summary>The anon_vma that new private pages belong to; <see cref="AnonVmaRef.None"/> before the first.</summary>
    [FieldOffset(40)]
    public AnonVmaRef AnonVma;

    /// <summary>The next VMA by address.</summary>
    [FieldOffset(48)]
    public VmAreaRef Next;

    /// <summary>The previous VMA by address.</summary>
    [FieldOffset(56)]
    public VmAreaRef Previous;

    /// <summary>The newest of its <see cref="AnonVmaChain"/> links, as a physical address; all ones where there is none.</summary>
    [FieldOffset(64)]
    public PhysAddr AnonVmaChain;

    /// <summary>The <see cref="MmStruct"/> that it belongs to.</summary>
    [FieldOffset(72)]
    public PhysAddr Owner;

    /// <summary>For the owner of files: the next VMA of the same file.</summary>
    [FieldOffset(80)]
    public VmAreaRef FileNext;

    /// <summary>For the owner of files: the previous VMA of the same file.</summary>
    [FieldOffset(88)]
    public VmAreaRef FilePrevious;

    /// <summary>Swap read-ahead's memory of the last fault (<c>swap_readahead_info</c>).</summary>
    [FieldOffset(96)]
    public ulong SwapReadahead;

    /// <summary>A name given with prctl, by number; 0 is none. VMAs with different names do not merge.</summary>
    [FieldOffset(104)]
    public uint NameId;

    /// <summary>Length in bytes.</summary>
    public readonly ulong LengthBytes => End - Start;

    /// <summary>Length in pages.</summary>
    public readonly ulong PageCount => (End - Start) >> Pfn.PageShift;

    /// <summary>Whether an aligned folio around an address lies within, and the file is mapped as it is aligned (<c>thp_vma_suitable_order</c>).</summary>
    /// <param name="address">Any address in the folio.</param>
    /// <param name="order">The folio's order.</param>
    public readonly bool HasRoomFor(VirtAddr address, int order)
    {
        ulong bytes = (ulong)Pfn.PageSizeBytes << order;
        VirtAddr start = new(address.ToUInt64() & ~(bytes - 1));
        return start >= Start && End >= start && End - start >= bytes
            && (IsAnonymous || (unchecked((Start.ToUInt64() >> Pfn.PageShift) - PageOffset) & ((1UL << order) - 1)) == 0);
    }

    /// <summary>Whether it has no file: private anonymous memory (<c>vma_is_anonymous</c>).</summary>
    public readonly bool IsAnonymous => File == NoFile;

    /// <summary>Whether an address lies inside.</summary>
    public readonly bool Contains(VirtAddr address) => address >= Start && address < End;

    /// <summary>The page of the file, or the anonymous index, of an address inside (<c>linear_page_index</c>).</summary>
    public readonly ulong PageIndexOf(VirtAddr address) => unchecked(PageOffset + ((address - Start) >> Pfn.PageShift));
}
