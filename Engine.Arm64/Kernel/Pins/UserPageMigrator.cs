// Moving a private page of processes to another frame (mm/migrate.c): every entry that maps it is found by its anon_vma, taken out and
// flushed, the content is copied, and the entries come back with the new frame. A page that anybody else holds by a reference (a pin
// above all) has more references than mappings and is left where it is; so are pages of files and larger folios.

using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Frames;
using Engine.Core.Migration;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel.Pins;

/// <summary>Moves anonymous pages for compaction and range allocation.</summary>
internal sealed class UserPageMigrator(Machine machine) : IPageMigrator
{
    private const int WalkMax = 1 << 20;

    private readonly List<(Process Process, VirtAddr Address, Descriptor Entry)> mappings = [];

    public bool CanMove(Pfn head, Order order, CompactMode mode)
    {
        if (order != Order.Zero || !machine.Pages.Frames.IsValid(head))
        {
            return false;
        }

        ref Frame frame = ref machine.Pages.Frames[head];
        return (frame.Mapping & PageFlag.MappingAnon) != 0 && frame.MapCount > 0 && frame.RefCount == frame.MapCount
            && (frame.Flags & (PageFlag.Locked | PageFlag.Writeback)) == 0
            && ((frame.Flags & PageFlag.Lru) != 0 || machine.Pages.Lru.IsWaiting(head));
    }

    public bool TryMove(CpuId cpu, Pfn from, Pfn to, Order order, CompactMode mode)
    {
        ref Frame source = ref machine.Pages.Frames[from];
        if (!CanMove(from, order, mode) || !TryFindMappings(from, source))
        {
            return false;
        }

        // try_to_migrate(): no CPU may write the old frame once its content is being copied.
        foreach ((Process process, VirtAddr address, _) in mappings)
        {
            process.Tables.Set(address, Descriptor.None);
            process.FlushPage(address);
        }

        machine.Memory.GetFrame(from).CopyTo(machine.Memory.GetFrame(to));
        machine.Pages.Lru.Remove(from);
        ref Frame target = ref machine.Pages.Frames[to];
        target = source;
        machine.Pages.Lru.PutBack(to);
        foreach ((Process process, VirtAddr address, Descriptor entry) in mappings)
        {
            process.Tables.Set(address, Descriptor.ForPage(to, entry.Attributes));
        }

        source = new Frame { RefCount = 1 };
        return true;
    }

    // rmap_walk_anon(): all mappings, or the page does not move.
    private bool TryFindMappings(Pfn from, in Frame source)
    {
        mappings.Clear();
        AnonVmaRef anonVma = new(source.Mapping & ~PageFlag.MappingAnon);
        int steps = 0;
        for (VmAreaRef areaRef = machine.AnonVmas.FirstArea(anonVma, out PhysAddr link);
            !areaRef.IsNone && steps < WalkMax;
            areaRef = machine.AnonVmas.Next(ref link), steps++)
        {
            if (!machine.Memory.TryRead(areaRef.Address, out VmArea area) || !machine.TryFindProcess(area.Owner, out Process? process)
                || source.Index < area.PageOffset || source.Index - area.PageOffset >= area.PageCount)
            {
                continue;
            }

            VirtAddr address = area.Start + ((source.Index - area.PageOffset) << Pfn.PageShift);
            Descriptor entry = process.Tables.Read(address, out int level);
            if (level == 3 && entry.IsPresent && !entry.IsSpecial && !entry.IsContiguous && entry.Pfn == from)
            {
                mappings.Add((process, address, entry));
            }
        }

        return mappings.Count == source.MapCount;
    }
}
