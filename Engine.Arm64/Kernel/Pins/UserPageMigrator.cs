// Moving a private folio of processes to other frames (mm/migrate.c): every entry that maps a page of it is found by its anon_vma, taken
// out and flushed, the content is copied, and the entries come back with the new frames: blocks as blocks, whole runs contiguous
// again. A folio that anybody else holds by a reference (a pin above all) has more references than entries and is left where it
// is; so are pages of files and of the swap cache.

using Engine.Arm64.HugePages;
using Engine.Arm64.PageTables;
using Engine.Arm64.Rmap;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Frames;
using Engine.Core.Migration;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel.Pins;

/// <summary>Moves anonymous folios for compaction and range allocation.</summary>
internal sealed class UserPageMigrator(Machine machine) : IPageMigrator
{
    private readonly AnonReverseMap reverseMap = new(machine);
    private readonly List<(Process Process, VirtAddr Address, Descriptor Entry)> mappings = [];

    public bool CanMove(Pfn head, Order order, CompactMode mode)
    {
        FrameTable frames = machine.Pages.Frames;
        if (!frames.IsValid(head) || (order != Order.Zero && !IsLarge(head, order)))
        {
            return false;
        }

        ref Frame frame = ref frames[head];
        return (frame.Mapping & PageFlag.MappingAnon) != 0 && CountEntries(head, order) is var entries && entries > 0 && frame.RefCount == entries
            && (frame.Flags & (PageFlag.Locked | PageFlag.Writeback)) == 0
            && ((frame.Flags & PageFlag.Lru) != 0 || machine.Pages.Lru.IsWaiting(head));
    }

    public bool TryMove(CpuId cpu, Pfn from, Pfn to, Order order, CompactMode mode)
    {
        if (!CanMove(from, order, mode) || !TryFindMappings(from, order))
        {
            return false;
        }

        bool isLarge = order != Order.Zero;
        bool wasQueued = isLarge && machine.UserFrames.Large(from).IsQueued;
        if (wasQueued)
        {
            machine.UserFrames.Deferred.Remove(from);
        }

        Unmap();
        for (uint i = 0; i < order.PageCount; i++)
        {
            machine.Memory.GetFrame(from + i).CopyTo(machine.Memory.GetFrame(to + i));
        }

        machine.Pages.Lru.Remove(from);
        MoveDescriptors(from, to, order);
        machine.Pages.Lru.PutBack(to);
        if (wasQueued)
        {
            machine.UserFrames.Deferred.TryAdd(to);
        }

        MapAgain(cpu, from, to, isLarge);
        return true;
    }

    private bool IsLarge(Pfn head, Order order) =>
        order.ToInt32() >= HugePageOptions.SmallestOrder && machine.Pages.IsCompound(head) && machine.Pages.GetOrder(head) == order;

    // Entries that map a folio's pages; a block is one.
    private int CountEntries(Pfn head, Order order) =>
        order == Order.Zero ? machine.Pages.Frames[head].MapCount : unchecked((int)machine.UserFrames.Large(head).Entries);

    // rmap_walk_anon(): all entries, or the folio does not move.
    private bool TryFindMappings(Pfn head, Order order)
    {
        mappings.Clear();
        uint count = order.PageCount;
        reverseMap.ForEachRange(head, count, (process, _, start, lengthBytes) =>
        {
            for (VirtAddr at = start; at < start + lengthBytes; at += Pfn.PageSizeBytes)
            {
                Descriptor entry = process.Tables.Read(at, out int level);
                if (!entry.IsPresent || entry.IsSpecial || unchecked(entry.Pfn - head) >= count)
                {
                    continue;
                }

                if (level == PageTable.HugeLevel && entry.Pfn == head)
                {
                    mappings.Add((process, at, entry));
                    return;
                }

                if (level == PageTable.LastLevel)
                {
                    mappings.Add((process, at, process.Tables.ReadGathered(at).MakeNonContiguous()));
                }
            }
        });
        return mappings.Count == CountEntries(head, order);
    }

    // try_to_migrate(): no CPU may write the old frames once their content is being copied.
    private void Unmap()
    {
        foreach ((Process process, VirtAddr address, Descriptor entry) in mappings)
        {
            if (entry.IsBlock)
            {
                // pmdp_invalidate(): not empty, so that the place and its reserved table are kept.
                process.Tables.SetHuge(address, new Descriptor(entry.ToUInt64() & ~Descriptor.ValidBit));
                process.FlushHuge(address);
            }
            else
            {
                process.Tables.Set(address, Descriptor.None);
                process.FlushPage(address);
            }
        }
    }

    // remove_migration_ptes()
    private void MapAgain(CpuId cpu, Pfn from, Pfn to, bool isLarge)
    {
        foreach ((Process process, VirtAddr address, Descriptor entry) in mappings)
        {
            Pfn target = to + (entry.Pfn - from);
            if (entry.IsBlock)
            {
                process.Tables.SetHuge(address, Descriptor.ForBlock(target, entry.Attributes));
            }
            else if (!isLarge || !process.Tables.TrySetPage(cpu, address, Descriptor.ForPage(target, entry.Attributes)))
            {
                process.Tables.Set(address, Descriptor.ForPage(target, entry.Attributes));
            }
        }
    }

    // folio_migrate_mapping() and folio_migrate_flags(). What the page allocator wrote into a compound page's tails stays in both: the
    // link to the head, the order, and the mark in place of a mapping.
    private void MoveDescriptors(Pfn from, Pfn to, Order order)
    {
        FrameTable frames = machine.Pages.Frames;
        for (uint i = 1; i < order.PageCount; i++)
        {
            ref Frame source = ref frames[from + i];
            ref Frame target = ref frames[to + i];
            (ulong oldHead, ulong newHead) = (source.Previous, target.Previous);
            target = source;
            target.Previous = newHead;
            source = new Frame { Previous = oldHead, Mapping = source.Mapping, Flags = i == 1 ? source.Flags & PageFlag.OrderMask : 0 };
        }

        ref Frame head = ref frames[from];
        frames[to] = head;
        head = new Frame { RefCount = 1, Flags = head.Flags & PageFlag.Head };
    }
}
