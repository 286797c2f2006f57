using Engine.Arm64.Faults;
using Engine.Arm64.PageTables;
using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.Arm64.PageWalk;

/// <summary>Clears the entries of a file's pages, and on demand those of private copies (<c>zap_page_range</c> with <c>even_cows</c>).</summary>
internal ref struct FileZapVisitor : ILeafVisitor
{
    private readonly UserFrames frames;
    private readonly bool includesPrivateCopies;
    private readonly bool notesUse;
    private readonly bool isLocked;
    private MmuGather gather;

    public FileZapVisitor(UserFrames frames, MmuGather gather, bool includesPrivateCopies, VmFlags flags)
    {
        notesUse = (flags & (VmFlags.SequentialRead | VmFlags.RandomRead)) == 0;
        isLocked = UserFrames.IsLocking(flags);
        this.frames = frames;
        this.gather = gather;
        this.includesPrivateCopies = includesPrivateCopies;
    }

    public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
    {
        Descriptor entry = descriptor;
        if (entry.IsSwap && includesPrivateCopies)
        {
            descriptor = Descriptor.None;
            gather.FreeSwap(entry);
        }

        if (!entry.IsPresent || (!includesPrivateCopies && frames.IsAnonymous(entry)))
        {
            return true;
        }

        if (notesUse && entry.IsYoung)
        {
            frames.NoteFileUse(gather.Cpu, entry);
        }

        if (isLocked)
        {
            frames.SetLocked(gather.Cpu, entry, isLocked: false);
        }

        descriptor = Descriptor.None;
        gather.Add(address, entry);
        return true;
    }

    public void Finish() => gather.Finish();
}
