namespace Engine.Arm64.Translation;

/// <summary>The registers that stage 2 depends on: a hypervisor's view of its guest's physical addresses.</summary>
/// <param name="Vttbr">VTTBR_EL2: the root, and the VMID.</param>
/// <param name="Vtcr">VTCR_EL2.</param>
/// <param name="Hcr">HCR_EL2: VM (0), PTW (2), DC (12), CD (32), ID (33) and FWB (46) matter.</param>
public readonly record struct Stage2Registers(ulong Vttbr, ulong Vtcr, ulong Hcr)
{
    /// <summary>No stage 2: intermediate addresses are physical.</summary>
    public static readonly Stage2Registers Off;

    internal const ulong HcrVm = 1UL << 0;
    internal const ulong HcrProtectedTableWalk = 1UL << 2;
    internal const ulong HcrDefaultCacheable = 1UL << 12;
    internal const ulong HcrDataCacheDisable = 1UL << 32;
    internal const ulong HcrInstructionCacheDisable = 1UL << 33;
    internal const ulong HcrForcedWriteBack = 1UL << 46;

    /// <summary>Whether stage 2 translates: HCR_EL2.VM, or DC, which implies it.</summary>
    public bool IsOn => (Hcr & (HcrVm | HcrDefaultCacheable)) != 0;
}
