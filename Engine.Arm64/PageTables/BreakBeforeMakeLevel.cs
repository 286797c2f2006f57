namespace Engine.Arm64.PageTables;

/// <summary>FEAT_BBM: which changes to a live entry a CPU takes without break-before-make (ID_AA64MMFR2_EL1.BBM).</summary>
public enum BreakBeforeMakeLevel
{
    /// <summary>None that changes size or contiguity.</summary>
    Level0 = 0,

    /// <summary>The contiguous bit may change.</summary>
    Level1 = 1,

    /// <summary>Block size may change too; the CPU may report a TLB conflict all the same.</summary>
    Level2 = 2,
}
