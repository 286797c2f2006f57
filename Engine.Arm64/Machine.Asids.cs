using Engine.Arm64.Tlb;
using Engine.Arm64.Units;

namespace Engine.Arm64;

/// <content>Who runs under which ASID (arch/arm64/mm/context.c).</content>
public sealed partial class Machine
{
    // cpu_asid_lock. Linux takes it only where the generation is not current; a switch is rare enough here to take it always.
    private readonly Lock asidGate = new();
    private readonly AsidAllocator asids;

    /// <summary>How often all ASIDs had been given and the generation grew.</summary>
    public ulong AsidRolloverCount => asids.RolloverCount;

    internal Asid AsidOf(ulong contextId) => asids.AsidOf(contextId);

    /// <summary>Gives the address space an ASID of the current generation; empties the CPU's TLB where that is due (<c>check_and_switch_context</c>).</summary>
    internal Asid SwitchContext(Cpu cpu, AddressSpace space)
    {
        Asid asid;
        bool mustFlush;
        lock (asidGate)
        {
            asid = asids.Switch(cpu.Id.Value, ref space.ContextId, isPinned: false, out mustFlush);
        }

        if (mustFlush)
        {
            cpu.Mmu.InvalidateCurrentVmid();
            cpu.RolloverFlushCount++;
        }

        return asid;
    }
}
