using Engine.Arm64.Units;

namespace Engine.Arm64.Tlb;

/// <summary>One breach of a rule, seen by the checking mode.</summary>
/// <param name="Rule">Which rule.</param>
/// <param name="Address">The virtual address that brought it to light.</param>
/// <param name="Entry">The TLB entry, in words.</param>
/// <param name="Other">What it does not agree with, in words: another entry, the tables, or the instruction.</param>
public readonly record struct TlbFinding(TlbRule Rule, VirtAddr Address, string Entry, string Other)
{
    /// <summary>The rule in words, with its place in the Arm Architecture Reference Manual.</summary>
    public string RuleText => Rule switch
    {
        TlbRule.StaleEntry => "a changed translation must be invalidated before it is relied on (Arm DDI 0487, D8, 'TLB maintenance requirements')",
        TlbRule.BreakBeforeMake => "a live entry changes by way of an invalid one (Arm DDI 0487, D8, 'Using break-before-make when updating translation table entries')",
        TlbRule.InvalidationHint => "a TTL or TG that is not the entry's may invalidate nothing (Arm DDI 0487, D8, 'TLB maintenance instructions': translation table level hint)",
        TlbRule.InvalidationAsid => "an entry that is not global is invalidated under its own ASID (Arm DDI 0487, D8, 'TLB maintenance instructions')",
        TlbRule.InvalidationOperand => "the operand holds VA[55:12] (Arm DDI 0487, C5.5, TLBI by address)",
        TlbRule.ContiguousRun => "all descriptors of a run are contiguous, aligned and alike (Arm DDI 0487, D8, 'The Contiguous bit' and 'Misprogramming of the Contiguous bit')",
        _ => "two entries for one address may raise a TLB conflict abort (Arm DDI 0487, D8, 'TLB conflict aborts')",
    };

    /// <summary>All of it in one line.</summary>
    public override string ToString() => $"{Rule} at {Address}: {Entry}; {Other}; {RuleText}";
}
