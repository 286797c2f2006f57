namespace Engine.Arm64.Translation;

/// <summary>Which optional parts of the architecture a CPU has, as far as translation can tell. A register bit of a part that it lacks has no effect.</summary>
[Flags]
public enum TranslationFeatures
{
    /// <summary>Armv8.0.</summary>
    None = 0,

    /// <summary>FEAT_LVA: 52-bit virtual addresses with the 64 KiB granule.</summary>
    LargeVirtualAddress = 1 << 0,

    /// <summary>FEAT_LPA: 52-bit physical addresses with the 64 KiB granule.</summary>
    LargePhysicalAddress = 1 << 1,

    /// <summary>FEAT_LPA2: 52-bit addresses with the 4 KiB and 16 KiB granules (TCR.DS).</summary>
    LargePhysicalAddress2 = 1 << 2,

    /// <summary>FEAT_TTST: smaller address spaces, TxSZ up to 48 (47 with 64 KiB).</summary>
    SmallTables = 1 << 3,

    /// <summary>FEAT_HAFDBS, first half: the hardware sets the access flag (TCR.HA).</summary>
    HardwareAccessFlag = 1 << 4,

    /// <summary>FEAT_HAFDBS, second half: the hardware sets the dirty state (TCR.HD).</summary>
    HardwareDirtyState = 1 << 5,

    /// <summary>FEAT_PAN: PSTATE.PAN.</summary>
    PrivilegedAccessNever = 1 << 6,

    /// <summary>FEAT_PAN3: SCTLR.EPAN.</summary>
    PrivilegedAccessNever3 = 1 << 7,

    /// <summary>FEAT_E0PD: TCR.E0PD0 and E0PD1.</summary>
    E0pd = 1 << 8,

    /// <summary>FEAT_HPDS: TCR.HPD0 and HPD1.</summary>
    HierarchicalPermissionDisables = 1 << 9,

    /// <summary>FEAT_PAuth, for TCR.TBID0 and TBID1.</summary>
    PointerAuthentication = 1 << 10,

    /// <summary>FEAT_XNX: stage 2 tells EL0's execute permission from EL1's.</summary>
    Stage2ExecuteNeverByLevel = 1 << 11,

    /// <summary>FEAT_S2FWB: HCR_EL2.FWB.</summary>
    Stage2ForcedWriteBack = 1 << 12,

    /// <summary>Everything above.</summary>
    All = (1 << 13) - 1,
}
