using Engine.Arm64.Faults;
using Engine.Arm64.PageTables;
using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.Arm64.PageWalk;

/// <summary>Clears every entry of a range (<c>zap_pte_range</c>, mm/memory.c).</summary>
internal ref struct ZapVisitor : ILeafVisitor
{
    private readonly UserFrames frames;
    private readonly bool notesUse;
    private readonly bool isLocked;
    private MmuGather gather;

    /// <param name="frames">Knows the pages of files.</param>
    /// <param name="gather">Gets the entries.</param>
    /// <param name="flags">The VMA's: used pages of a file count as accessed, but not where it was advised sequential or random (<c>vma_has_recency</c>); locked pages lose a locked mapping.</param>
    public ZapVisitor(UserFrames frames, MmuGather gather, VmFlags flags)
    {
        this.frames = frames;
        this.gather = gather;
        notesUse = (flags & (VmFlags.SequentialRead | VmFlags.RandomRead)) == 0;
        isLocked = UserFrames.IsLocking(flags);
    }

    public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
    {
        Descriptor entry = descriptor;
        descriptor = Descriptor.None;
        if (entry.IsPresent)
        {
            if (notesUse && entry.IsYoung)
            {
                frames.NoteFileUse(gather.Cpu, entry);
            }

            if (isLocked)
            {
                frames.SetLocked(gather.Cpu, entry, isLocked: false);
            }

            gather.Add(address, entry);
        }
        else if (entry.IsSwap)
        {
            gather.FreeSwap(entry);
        }

        return true;
    }

    public void Finish() => gather.Finish();
}
