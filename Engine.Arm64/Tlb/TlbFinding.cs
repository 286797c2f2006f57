using Engine.Arm64.Units;

namespace Engine.Arm64.Tlb;

/// <summary>One breach of a rule, seen by the checking mode, at a TLB or at the tables themselves.</summary>
/// <param name="Rule">Which rule.</param>
/// <param name="Address">The virtual address that brought it to light.</param>
/// <param name="Entry">The TLB entry, or the descriptor that TLBs may hold, in words.</param>
/// <param name="Other">What it does not agree with, in words: another entry, the tables, or the instruction.</param>
public readonly record struct TlbFinding(TlbRule Rule, VirtAddr Address, string Entry, string Other)
{
    /// <summary>The section of the Arm Architecture Reference Manual, DDI 0487 issue K.a, that has the rule.</summary>
    public string Section => Rule switch
    {
        TlbRule.StaleEntry => "D8.16",
        TlbRule.BreakBeforeMake => "D8.16.1, R_WHZWS",
        TlbRule.InvalidationHint or TlbRule.InvalidationAsid or TlbRule.InvalidationOperand => "C5.5",
        TlbRule.ContiguousRun => "D8.7.1",
        _ => "D8.15",
    };

    /// <summary>The rule in words, with its place in the manual.</summary>
    public string RuleText => Rule switch
    {
        TlbRule.StaleEntry => "a changed translation must be invalidated before it is relied on ('TLB maintenance')",
        TlbRule.BreakBeforeMake => "a live entry changes by way of an invalid one ('Using break-before-make when updating translation table entries')",
        TlbRule.InvalidationHint => "a TTL or TG that is not the entry's may invalidate nothing (TLBI, the TTL and TG fields)",
        TlbRule.InvalidationAsid => "an entry that is not global is invalidated under its own ASID (TLBI, the ASID field)",
        TlbRule.InvalidationOperand => "the operand holds VA[55:12] (TLBI by address, the VA field)",
        TlbRule.ContiguousRun => "all descriptors of a run are contiguous, aligned and alike ('The Contiguous bit', misprogramming)",
        _ => "two entries for one address may raise a TLB conflict abort ('Translation Lookaside Buffers')",
    } + $", Arm DDI 0487K.a, {Section}";

    /// <summary>All of it in one line.</summary>
    public override string ToString() => $"{Rule} at {Address}: {Entry}; {Other}; {RuleText}";
}
