using Engine.Arm64.PageTables;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.Arm64.Faults;

/// <summary>Clears every entry of a range (<c>zap_pte_range</c>, mm/memory.c).</summary>
internal struct ZapVisitor : ILeafVisitor
{
    private MmuGather gather;

    public ZapVisitor(MmuGather gather) => this.gather = gather;

    public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
    {
        Descriptor entry = descriptor;
        descriptor = Descriptor.None;
        if (entry.IsPresent)
        {
            gather.Add(address, entry);
        }

        return true;
    }

    public void Finish() => gather.Finish();
}
