using Engine.Arm64.PageTables;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Diagnostics.Procfs;
using Engine.Core.Units;

namespace Engine.Arm64.Procfs;

/// <summary><c>/proc/PID/pagemap</c>: a word for each page of the address space (<c>pagemap_read</c>, fs/proc/task_mmu.c), as a reader with CAP_SYS_ADMIN sees it.</summary>
/// <param name="process">Whose.</param>
internal sealed class PageMapFile(Process process) : ProcWordFile
{
    public override ulong WordCount => process.Memory.Options.TaskSize.ToUInt64() >> Pfn.PageShift;

    public override IEnumerable<(ulong First, ulong Count)> DataRanges
    {
        get
        {
            PresentRanges present = new([]);
            process.Tables.Visit(default, process.Memory.Options.TaskSize.ToUInt64(), ref present);
            return present.Ranges;
        }
    }

    public override ulong ReadWord(ulong index) => process.ReadPageMap(new VirtAddr(index << Pfn.PageShift)).Value;

    // Runs of pages that have an entry.
    private readonly struct PresentRanges(List<(ulong First, ulong Count)> ranges) : ILeafVisitor
    {
        public List<(ulong First, ulong Count)> Ranges => ranges;

        public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
        {
            ulong first = address.ToUInt64() >> Pfn.PageShift;
            ulong count = 1UL << ((PageTable.LastLevel - level) * 9);
            if (ranges.Count > 0 && ranges[^1].First + ranges[^1].Count == first)
            {
                ranges[^1] = (ranges[^1].First, ranges[^1].Count + count);
            }
            else
            {
                ranges.Add((first, count));
            }

            return true;
        }
    }
}
