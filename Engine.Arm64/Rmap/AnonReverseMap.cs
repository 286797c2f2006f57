// From an anonymous folio to the entries that map it (mm/rmap.c rmap_walk_anon): its anon_vma leads to the VMAs of the process that
// made it and of all descendants, and a VMA's page offset gives the address of each page.

using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Arm64.Rmap;

/// <summary>Finds the address ranges at which an anonymous folio may be mapped.</summary>
internal sealed class AnonReverseMap(Machine machine)
{
    /// <summary>Calls back for each VMA that may map pages of a folio, with the part of it that would.</summary>
    /// <param name="head">The folio's first frame; anonymous.</param>
    /// <param name="pageCount">Its pages.</param>
    /// <param name="action">Gets the process, the VMA, and the first address and the length in bytes of the part. It may change entries, not VMAs.</param>
    public void ForEachRange(Pfn head, uint pageCount, Action<Process, VmArea, VirtAddr, ulong> action)
    {
        ref Frame frame = ref machine.Pages.Frames[head];
        ulong first = frame.Index;
        AnonVmaRef anonVma = new(frame.Mapping & ~PageFlag.MappingAnon);

        // A chain in the arena may be garbage: it is walked for no more links than there can be VMAs in memory.
        ulong bound = machine.Memory.LengthBytes / VmArea.SizeBytes;
        for (VmAreaRef area = machine.AnonVmas.FirstArea(anonVma, out PhysAddr link); !area.IsNone && bound > 0; area = machine.AnonVmas.Next(ref link), bound--)
        {
            if (!machine.Memory.TryRead(area.Address, out VmArea content) || !machine.TryFindProcess(content.Owner, out Process? process))
            {
                machine.Log.Report(new Corruption(CorruptionCategory.VmAreaTree, "VMA in an anon_vma's chain", area.Address, 0, content.Owner.ToUInt64()));
                return;
            }

            ulong from = Math.Max(first, content.PageOffset);
            ulong to = Math.Min(unchecked(first + pageCount), unchecked(content.PageOffset + content.PageCount));
            if (from < to)
            {
                action(process, content, content.Start + ((from - content.PageOffset) << Pfn.PageShift), (to - from) << Pfn.PageShift);
            }
        }
    }
}
