using Engine.Core.Diagnostics.Procfs;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Arm64.Procfs;

/// <summary><c>/proc/kpagecount</c>: how often each frame is mapped (<c>kpagecount_read</c>, fs/proc/page.c).</summary>
/// <param name="machine">Whose frames.</param>
internal sealed class KernelPageCountFile(Machine machine) : ProcWordFile
{
    // get_max_dump_pfn(): the memory map covers whole sections of 128 MiB.
    internal const uint PagesPerSection = (128u << 20) / Pfn.PageSizeBytes;

    public override ulong WordCount => CountWords(machine);

    public override IEnumerable<(ulong First, ulong Count)> DataRanges => [(machine.Pages.Frames.First.ToUInt32(), machine.Pages.Frames.Count)];

    public override ulong ReadWord(ulong index)
    {
        Pfn pfn = new((uint)Math.Min(index, uint.MaxValue));
        bool hasCount = machine.Pages.Frames.IsValid(pfn) && !IsSlab(pfn);
        return hasCount ? machine.CountMappings(pfn) : 0;
    }

    internal static ulong CountWords(Machine machine)
    {
        ulong end = machine.Pages.Frames.First.ToUInt32() + (ulong)machine.Pages.Frames.Count;
        return (end + PagesPerSection - 1) / PagesPerSection * PagesPerSection;
    }

    private bool IsSlab(Pfn pfn) => (machine.Pages.Frames[machine.Pages.GetHead(pfn)].Flags & (ulong)FrameFlags.Slab) != 0;
}
