// Broadcast of TLB invalidations. TLBI …IS reaches every CPU of the inner shareable domain by distributed virtual memory messages; the issuer
// waits at the next DSB until all have answered. There are no inter-processor interrupts.
//
// The units are called by the issuer: a machine whose CPUs run on several host threads broadcasts only while they stand still,
// as everything that changes a shared address space.

namespace Engine.Arm64.Tlb;

/// <summary>The CPUs that answer each other's TLB invalidations.</summary>
public sealed class InnerShareableDomain
{
    private readonly ITlbiTarget[] targets;
    private readonly int broadcastCycles;
    private readonly ulong[] issuedCycles;
    private readonly ulong[] issued;

    /// <summary>Creates a domain.</summary>
    /// <param name="targets">All members; the index is the CPU's number.</param>
    /// <param name="costs">What a broadcast costs its issuer for each other member.</param>
    public InnerShareableDomain(IEnumerable<ITlbiTarget> targets, TranslationCosts? costs = null)
    {
        this.targets = [.. targets];
        broadcastCycles = (costs ?? new TranslationCosts()).BroadcastCycles;
        issuedCycles = new ulong[this.targets.Length];
        issued = new ulong[this.targets.Length];
    }

    /// <summary>Members.</summary>
    public int Count => targets.Length;

    /// <summary>Broadcasts so far.</summary>
    public ulong BroadcastCount { get; private set; }

    /// <summary>Broadcasts of one CPU so far.</summary>
    /// <param name="issuer">Its number.</param>
    public ulong BroadcastsOf(int issuer) => issued[issuer];

    /// <summary>Cycles that a CPU has waited for its broadcasts.</summary>
    /// <param name="issuer">Its number.</param>
    public ulong CyclesOf(int issuer) => issuedCycles[issuer];

    /// <summary>Carries out an instruction on all members (TLBI …IS, and the DSB after it).</summary>
    /// <param name="issuer">The number of the CPU that executes it.</param>
    /// <param name="instruction">What.</param>
    public void Broadcast(int issuer, TlbiInstruction instruction)
    {
        BroadcastCount++;
        issued[issuer]++;
        issuedCycles[issuer] += (ulong)broadcastCycles * (ulong)(targets.Length - 1);
        foreach (ITlbiTarget target in targets)
        {
            target.Execute(instruction);
        }
    }

    /// <summary>Carries out an instruction on its issuer alone.</summary>
    /// <param name="issuer">The number of the CPU that executes it.</param>
    /// <param name="instruction">What.</param>
    public void ExecuteLocally(int issuer, TlbiInstruction instruction) => targets[issuer].Execute(instruction);
}
