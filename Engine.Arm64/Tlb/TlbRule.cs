namespace Engine.Arm64.Tlb;

/// <summary>A rule of TLB maintenance that software has broken. <see cref="TlbFinding.RuleText"/> has it in words.</summary>
public enum TlbRule
{
    /// <summary>An access used an entry that the tables no longer bear out.</summary>
    StaleEntry,

    /// <summary>A live translation was replaced without having been invalid and flushed in between.</summary>
    BreakBeforeMake,

    /// <summary>An invalidation's level hint or granule kept it from an entry that it should have taken out.</summary>
    InvalidationHint,

    /// <summary>An invalidation named another ASID than the entry it should have taken out.</summary>
    InvalidationAsid,

    /// <summary>An invalidation's operand held an address that was not shifted right by 12.</summary>
    InvalidationOperand,

    /// <summary>The descriptors of a contiguous run do not fit together.</summary>
    ContiguousRun,

    /// <summary>Two entries of one level translate the same address.</summary>
    Overlap,
}
