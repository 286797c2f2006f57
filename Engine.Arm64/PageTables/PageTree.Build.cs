// Building maps by range: blocks where they fit, contiguous runs where allowed, pages elsewhere (arch/arm64/mm/mmu.c,
// __create_pgd_mapping); protection changes, and splitting a block into the pages that it stood for.

using System.Runtime.CompilerServices;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.PageTables;

public partial class PageTree<TGeometry>
{
    /// <summary>Maps one block: 2 MiB or 1 GiB with 4 KiB pages (<c>set_huge_pmd</c>, <c>pud_set_huge</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">Aligned to the block.</param>
    /// <param name="pfn">The block's first frame, aligned to the block.</param>
    /// <param name="attributes">The rest of the descriptor.</param>
    /// <param name="level">2, or 1 with 4 KiB pages.</param>
    /// <returns>False where there is no memory for a table, or something is mapped there; nothing has changed then.</returns>
    /// <exception cref="ArgumentException">The place is not aligned, or the level has no blocks.</exception>
    public bool TryMapBlock(CpuId cpu, VirtAddr address, Pfn pfn, PageAttributes attributes, int level)
    {
        if (!IsBlockLevel(level))
        {
            throw new ArgumentOutOfRangeException(nameof(level), level, "no blocks at this level");
        }

        ulong mask = (1UL << EntryShift(level)) - 1;
        ulong offset = ToOffset(address);
        if ((offset & mask) != 0 || (pfn.Address.ToUInt64() & mask) != 0)
        {
            throw new ArgumentException($"a block of {mask + 1} bytes cannot be at {address} for {pfn}", nameof(address));
        }

        ref Descriptor entry = ref Prepare(cpu, offset, level);
        if (Unsafe.IsNullRef(ref entry) || !entry.IsNone)
        {
            return false;
        }

        entry = Descriptor.ForBlock(pfn, attributes);
        return true;
    }

    /// <summary>Maps a range to consecutive memory with the largest leaves that fit (<c>__create_pgd_mapping</c>), where nothing is mapped.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">A multiple of the page size.</param>
    /// <param name="start">The first byte of memory; a multiple of the page size.</param>
    /// <param name="lengthBytes">A multiple of the page size.</param>
    /// <param name="attributes">The rest of each descriptor.</param>
    /// <param name="shapes">Whether blocks and contiguous runs may be used.</param>
    /// <returns>Bytes mapped: less than <paramref name="lengthBytes"/> where there was no memory for a table, or something is mapped.</returns>
    /// <exception cref="ArgumentException">An address or the length is no multiple of the page size.</exception>
    public ulong MapRange(CpuId cpu, VirtAddr address, PhysAddr start, ulong lengthBytes, PageAttributes attributes, MapShapes shapes)
    {
        ulong offset = ToOffset(address);
        if (((offset | start.ToUInt64() | lengthBytes) & (PageSizeBytes - 1)) != 0)
        {
            throw new ArgumentException($"{lengthBytes} bytes at {address} for {start} are not whole pages", nameof(address));
        }

        if (lengthBytes > (1UL << TGeometry.VirtualAddressBits) - offset)
        {
            throw new ArgumentOutOfRangeException(nameof(lengthBytes), lengthBytes, "reaches beyond the tree's half");
        }

        ulong runEnd = 0;
        for (ulong done = 0; done < lengthBytes;)
        {
            ulong at = offset + done;
            ulong memoryAt = start.ToUInt64() + done;
            int level = LevelFor(at, memoryAt, lengthBytes - done, shapes);
            ref Descriptor entry = ref Prepare(cpu, at, level);
            if (Unsafe.IsNullRef(ref entry) || !entry.IsNone)
            {
                return done;
            }

            if (at >= runEnd && IsWithinRun(offset, start.ToUInt64(), lengthBytes, at, level, shapes) && IsRunEmpty(at, level))
            {
                runEnd = at + (1UL << (EntryShift(level) + RunShift(level)));
            }

            Pfn pfn = new PhysAddr(memoryAt).Pfn;
            Descriptor leaf = level == LastLevel ? Descriptor.ForPage(pfn, attributes) : Descriptor.ForBlock(pfn, attributes);
            entry = at < runEnd ? leaf.MakeContiguous() : leaf;
            done += 1UL << EntryShift(level);
        }

        return lengthBytes;
    }

    /// <summary>Unmaps a range: pages and blocks. Blocks and runs that it covers in part are split first.</summary>
    /// <returns>False where there was no memory to split a block; nothing but the shape of the map has changed then.</returns>
    public bool TryUnmap(CpuId cpu, VirtAddr start, ulong lengthBytes)
    {
        if (!TrySplitEdges(cpu, start, lengthBytes))
        {
            return false;
        }

        LeafEraser eraser = default;
        Visit(start, lengthBytes, ref eraser);
        return true;
    }

    /// <summary>Changes the protection of what is mapped in a range (<c>change_protection</c>); blocks and runs covered in part are split first.</summary>
    /// <returns>False where there was no memory to split a block; nothing but the shape of the map has changed then.</returns>
    public bool TryProtect(CpuId cpu, VirtAddr start, ulong lengthBytes, PageAttributes attributes)
    {
        if (!TrySplitEdges(cpu, start, lengthBytes))
        {
            return false;
        }

        LeafProtector protector = new(attributes);
        Visit(start, lengthBytes, ref protector);
        if (Folios is not null)
        {
            RunFolder<TGeometry> folder = new(this);
            Visit(start, lengthBytes, ref folder);
        }

        Invalidator?.InvalidateRange(start, lengthBytes, LastLevel);
        return true;
    }

    /// <summary>Sets or clears access flags or dirtiness in a range; blocks and runs covered in part are split first.</summary>
    /// <returns>False where there was no memory to split a block; nothing but the shape of the map has changed then.</returns>
    public bool TryMark(CpuId cpu, VirtAddr start, ulong lengthBytes, LeafChange change)
    {
        if (!TrySplitEdges(cpu, start, lengthBytes))
        {
            return false;
        }

        LeafChanger changer = new(change);
        Visit(start, lengthBytes, ref changer);
        return true;
    }

    /// <summary>Replaces the block that translates an address by a table of the next level that translates the same (<c>split_pmd</c>, <c>split_pud</c>).</summary>
    /// <returns>False where there is no block, or no memory for the table; nothing has changed then.</returns>
    public bool TrySplitBlock(CpuId cpu, VirtAddr address)
    {
        ulong offset = ToOffset(address);
        ref Descriptor entry = ref FindLeaf(offset, out int level);
        if (Unsafe.IsNullRef(ref entry) || level == LastLevel || !entry.IsPresent)
        {
            return false;
        }

        UnfoldBlocks(offset, level);
        Descriptor block = entry;
        if (!TryAllocateTable(allocator, cpu, tableGfp, out Pfn made))
        {
            return false;
        }

        ulong blockStart = offset & ~((1UL << EntryShift(level)) - 1);
        if (!TableView<TGeometry>.TryOpen(memory, made.Address, out TableView<TGeometry> table))
        {
            ReportBadTable(made.Address);
            return false;
        }

        // A page has the table bit, a block has not; the rest of the descriptor is the same.
        ulong pageBit = level + 1 == LastLevel ? Descriptor.TableBit : 0;
        Descriptor first = new(block.ToUInt64() | pageBit);
        for (int i = 0; i < TableView<TGeometry>.EntryCount; i++)
        {
            table[i] = new Descriptor(first.ToUInt64() + ((ulong)(uint)i << EntryShift(level + 1)));
        }

        Tag(made, level + 1, blockStart);
        entry = Descriptor.None;
        Invalidator?.InvalidateRange(ToAddress(blockStart), 1UL << EntryShift(level), level);
        entry = Descriptor.ForTable(made.Address, hierarchicalBits);
        PageTablePages++;
        return true;
    }

    private static bool IsBlockLevel(int level) => level == 2 || (level == 1 && TGeometry.PageShift == 12);

    // log2 of the entries in a run at a level.
    private static int RunShift(int level) => level switch
    {
        LastLevel => TGeometry.ContiguousPagesShift,
        2 => TGeometry.ContiguousBlocksShift,
        _ => 0,
    };

    private static int LevelFor(ulong offset, ulong memoryAt, ulong leftBytes, MapShapes shapes)
    {
        for (int level = 1; shapes.HasFlag(MapShapes.Blocks) && level < LastLevel; level++)
        {
            ulong bytes = 1UL << EntryShift(level);
            if (IsBlockLevel(level) && ((offset | memoryAt) & (bytes - 1)) == 0 && leftBytes >= bytes)
            {
                return level;
            }
        }

        return LastLevel;
    }

    // alloc_init_cont_pmd and alloc_init_cont_pte: an aligned run begins here, lies in the range, and memory is aligned alike.
    private static bool IsWithinRun(ulong offset, ulong start, ulong lengthBytes, ulong at, int level, MapShapes shapes)
    {
        int runShift = RunShift(level);
        ulong runBytes = 1UL << (EntryShift(level) + runShift);
        return shapes.HasFlag(MapShapes.ContiguousRuns) && runShift != 0
            && ((at | (at - offset + start)) & (runBytes - 1)) == 0
            && at + runBytes <= offset + lengthBytes;
    }

    // A run that something interrupts would promise more than it maps: even an empty table in it forbids the bit.
    private bool IsRunEmpty(ulong at, int level)
    {
        for (ulong i = 0; i < 1UL << RunShift(level); i++)
        {
            if (!FindEntry(at + (i << EntryShift(level)), level).IsNone)
            {
                return false;
            }
        }

        return true;
    }

    // Splits the blocks, and unfolds the runs, that lie across either end of a range.
    private bool TrySplitEdges(CpuId cpu, VirtAddr start, ulong lengthBytes)
    {
        if (!TryToRange(start, lengthBytes, out ulong offset, out ulong end))
        {
            return true;
        }

        return TrySplitEdge(cpu, offset, offset, end) && TrySplitEdge(cpu, end - PageSizeBytes, offset, end);
    }

    private bool TrySplitEdge(CpuId cpu, ulong at, ulong offset, ulong end)
    {
        while (true)
        {
            ref Descriptor entry = ref FindLeaf(at, out int level);
            if (Unsafe.IsNullRef(ref entry) || level == LastLevel)
            {
                UnfoldEdge(at, offset, end);
                return true;
            }

            ulong blockBytes = 1UL << EntryShift(level);
            ulong blockStart = at & ~(blockBytes - 1);
            bool isWhole = blockStart >= offset && blockStart + blockBytes <= end;
            if (isWhole || !entry.IsPresent)
            {
                UnfoldBlockEdge(at, level, offset, end);
                return true;
            }

            if (!TrySplitBlock(cpu, ToAddress(at)))
            {
                return false;
            }
        }
    }

    private void UnfoldBlockEdge(ulong at, int level, ulong offset, ulong end)
    {
        ulong runBytes = 1UL << (EntryShift(level) + RunShift(level));
        ulong runStart = at & ~(runBytes - 1);
        if (runStart < offset || runStart + runBytes > end)
        {
            UnfoldBlocks(at, level);
        }
    }

    // Takes the contiguous bit from a run of blocks.
    private void UnfoldBlocks(ulong offset, int level)
    {
        ref Descriptor entry = ref FindEntry(offset, level);
        if (Unsafe.IsNullRef(ref entry) || !IsRun(entry) || RunShift(level) == 0)
        {
            return;
        }

        int shift = EntryShift(level);
        ulong runBytes = 1UL << (shift + RunShift(level));
        ulong runStart = offset & ~(runBytes - 1);
        Span<Descriptor> kept = stackalloc Descriptor[1 << RunShift(level)];
        for (int i = 0; i < kept.Length; i++)
        {
            ref Descriptor member = ref FindEntry(runStart + ((ulong)(uint)i << shift), level);
            kept[i] = member.MakeNonContiguous();
            member = Descriptor.None;
        }

        Invalidator?.InvalidateRange(ToAddress(runStart), runBytes, level);
        for (int i = 0; i < kept.Length; i++)
        {
            FindEntry(runStart + ((ulong)(uint)i << shift), level) = kept[i];
        }
    }
}
