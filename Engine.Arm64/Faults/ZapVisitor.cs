using Engine.Arm64.PageTables;
using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.Arm64.Faults;

/// <summary>Clears every entry of a range (<c>zap_pte_range</c>, mm/memory.c).</summary>
internal struct ZapVisitor : ILeafVisitor
{
    private readonly UserFrames frames;
    private readonly bool notesUse;
    private MmuGather gather;

    /// <param name="frames">Knows the pages of files.</param>
    /// <param name="gather">Gets the entries.</param>
    /// <param name="notesUse">Whether a used page of a file counts as accessed: not where the VMA was advised sequential or random (<c>vma_has_recency</c>).</param>
    public ZapVisitor(UserFrames frames, MmuGather gather, bool notesUse)
    {
        this.frames = frames;
        this.gather = gather;
        this.notesUse = notesUse;
    }

    /// <summary>Whether the uses of a VMA's pages are noted.</summary>
    public static bool NotesUse(VmFlags flags) => (flags & (VmFlags.SequentialRead | VmFlags.RandomRead)) == 0;

    public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
    {
        Descriptor entry = descriptor;
        descriptor = Descriptor.None;
        if (entry.IsPresent)
        {
            if (notesUse && entry.IsYoung)
            {
                frames.NoteFileUse(entry);
            }

            gather.Add(address, entry);
        }

        return true;
    }

    public void Finish() => gather.Finish();
}
