namespace Engine.Arm64;

/// <content>What TLB maintenance costs the CPU.</content>
public sealed partial class Cpu
{
    private ulong broadcasts;

    /// <summary>
    /// TLB invalidations that this CPU has broadcast, by the instructions that Linux issues. A flush counts for the CPU that last switched to the
    /// address space, also where another one asked for it.
    /// </summary>
    public ulong TlbBroadcastCount => broadcasts + machine.Kernel.Domain.BroadcastsOf(Id.Value);

    /// <summary>Cycles that it has waited for the other CPUs to answer (<see cref="Tlb.TranslationCosts.BroadcastCycles"/> each).</summary>
    public ulong TlbBroadcastCycles => TlbBroadcastCount * (ulong)(uint)Mmu.Geometry.Costs.BroadcastCycles * (ulong)(uint)(machine.Cpus.Count - 1);

    /// <summary>How often this CPU had to empty its own TLB because the ASIDs were given out anew (<c>tlb_flush_pending</c>).</summary>
    public ulong RolloverFlushCount { get; internal set; }

    internal void CountBroadcasts(int instructions) => broadcasts += (ulong)(uint)instructions;
}
