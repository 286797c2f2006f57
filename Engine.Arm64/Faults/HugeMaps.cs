// Blocks in a process's tables become pages where something concerns a part of them only (__split_huge_pmd, mm/huge_memory.c): a
// part is unmapped, protected, advised, moved, or a VMA ends within. The folio stays whole. A block of the huge zero page
// becomes entries of the zero page; a block of a file's folio goes, and faults bring its pages back.

using System.Runtime.CompilerServices;
using Engine.Arm64.HugePages;
using Engine.Arm64.PageTables;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Faults;

/// <summary>Splits the blocks of a process.</summary>
internal static class HugeMaps
{
    /// <summary>log2 of the bytes of a huge page (<c>HPAGE_PMD_SHIFT</c>).</summary>
    public const int Shift = Pfn.PageShift + HugePageOptions.HugeOrder;

    /// <summary>Bytes of a huge page (<c>HPAGE_PMD_SIZE</c>).</summary>
    public const ulong Bytes = (ulong)Pfn.PageSizeBytes << HugePageOptions.HugeOrder;

    /// <summary>The first byte of the huge page around an address (<c>HPAGE_PMD_MASK</c>).</summary>
    public static VirtAddr StartOf(VirtAddr address) => new(address.ToUInt64() & ~(Bytes - 1));

    /// <summary>Whether a block maps an address, and which.</summary>
    public static bool TryGetBlock(Process process, VirtAddr address, out Descriptor block)
    {
        block = process.Tables.Read(address, out int level);
        return level == PageTable.HugeLevel && block.IsPresent;
    }

    /// <summary>Splits the blocks at both ends of a range that the range covers in part.</summary>
    public static void SplitEdges(Process process, CpuId cpu, VirtAddr start, VirtAddr end)
    {
        SplitAcross(process, cpu, start);
        SplitAcross(process, cpu, end);
    }

    /// <summary>Splits the block that an address lies in, where it does not begin there (<c>split_huge_pmd_if_needed</c>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SplitAcross(Process process, CpuId cpu, VirtAddr address)
    {
        if (process.Tables.HasLargeLeaves)
        {
            SplitAcrossLarge(process, cpu, address);
        }
    }

    private static void SplitAcrossLarge(Process process, CpuId cpu, VirtAddr address)
    {
        if (StartOf(address) != address && TryGetBlock(process, address, out _))
        {
            Split(process, cpu, address);
        }
    }

    /// <summary>Splits every block of a range that is to move where it cannot stay a block (<c>move_page_tables</c>): in part, or to a place aligned otherwise.</summary>
    public static void SplitUnmovable(Process process, CpuId cpu, VirtAddr from, VirtAddr to, ulong lengthBytes)
    {
        if (!process.Tables.HasLargeLeaves)
        {
            return;
        }

        bool isAligned = ((from.ToUInt64() ^ to.ToUInt64()) & (Bytes - 1)) == 0;
        VirtAddr end = from + lengthBytes;
        for (VirtAddr at = StartOf(from); at < end; at += Bytes)
        {
            bool isWhole = at >= from && end - at >= Bytes;
            if ((isAligned && isWhole) || !TryGetBlock(process, at, out _))
            {
                continue;
            }

            // Linux makes the new table of blocks first; a file's block that is split leaves nothing to move to it (alloc_new_pmd).
            process.Tables.TryPrepareUpper(cpu, to + ((at < from ? from : at) - from), PageTable.HugeLevel);
            Split(process, cpu, at);
        }
    }

    /// <summary>Notes that a block was used, and written (<c>touch_pmd</c>).</summary>
    public static void Touch(Process process, VirtAddr address, Descriptor block, bool isWrite)
    {
        Descriptor touched = isWrite ? block.MakeYoung().MakeDirty() : block.MakeYoung();
        if (touched != block)
        {
            process.Tables.SetHuge(StartOf(address), touched);
            process.FlushHuge(StartOf(address));
        }
    }

    /// <summary>Frees the last-level table of an aligned 2 MiB, where there is one and it is empty.</summary>
    public static void FreeEmptyTable(Process process, CpuId cpu, VirtAddr start)
    {
        // The last table of the half has nothing above it.
        VirtAddr? ceiling = start + Bytes < process.Memory.Options.TaskSize ? start + Bytes : null;
        if (process.Tables.FreeTables(cpu, start, Bytes, start, ceiling) > 0)
        {
            process.FlushFreedTables(start, start + Bytes);
        }
    }

    /// <summary>Splits the block that maps an address.</summary>
    /// <returns>False where there is none, or no memory for a table.</returns>
    public static bool Split(Process process, CpuId cpu, VirtAddr address)
    {
        if (!TryGetBlock(process, address, out Descriptor block))
        {
            return false;
        }

        UserFrames frames = process.Machine.UserFrames;
        VirtAddr start = StartOf(address);
        if (block.IsSpecial)
        {
            ulong page = block.Attributes.ToUInt64() | Descriptor.TableBit | frames.ZeroPage.Address.ToUInt64();
            if (!process.Tables.TrySplitHuge(cpu, start, new Descriptor(page), stepBytes: 0))
            {
                return false;
            }
        }
        else if (frames.TryGetLargeAnonymous(block, out Pfn head, out uint pageCount) && pageCount == Order.PageBlock.PageCount)
        {
            Descriptor first = new(block.ToUInt64() | Descriptor.TableBit);
            if (!process.Tables.TrySplitHuge(cpu, start, block.IsDirty ? first.MakeDirty() : first, Pfn.PageSizeBytes))
            {
                return false;
            }

            frames.SplitBlock(process, head, block);
        }
        else
        {
            process.Tables.SetHuge(start, Descriptor.None);
            process.FlushHuge(start);
            frames.Unmap(process, cpu, block);
        }

        frames.HugeCounters.Add(HugePageEvent.MapSplit);
        return true;
    }
}
