namespace Engine.Arm64.Tlb;

/// <summary>The TLB invalidation instructions of the EL1&amp;0 regime, named as the architecture names them (Arm DDI 0487, C5.5).</summary>
public enum TlbiKind
{
    /// <summary>TLBI VAE1: one address, one ASID, all levels.</summary>
    Vae1,

    /// <summary>TLBI VALE1: one address, one ASID, last level only.</summary>
    Vale1,

    /// <summary>TLBI VAAE1: one address, every ASID, all levels.</summary>
    Vaae1,

    /// <summary>TLBI VAALE1: one address, every ASID, last level only.</summary>
    Vaale1,

    /// <summary>TLBI RVAE1: a range, one ASID, all levels (FEAT_TLBIRANGE).</summary>
    Rvae1,

    /// <summary>TLBI RVALE1: a range, one ASID, last level only.</summary>
    Rvale1,

    /// <summary>TLBI RVAAE1: a range, every ASID, all levels.</summary>
    Rvaae1,

    /// <summary>TLBI RVAALE1: a range, every ASID, last level only.</summary>
    Rvaale1,

    /// <summary>TLBI ASIDE1: all that is not global of one ASID.</summary>
    Aside1,

    /// <summary>TLBI VMALLE1: all of the current VMID.</summary>
    Vmalle1,

    /// <summary>TLBI ALLE1: all.</summary>
    Alle1,

    /// <summary>TLBI VMALLS12E1: all of the current VMID, of stage 1, stage 2 and both together.</summary>
    Vmalls12e1,

    /// <summary>TLBI IPAS2E1: stage 2's translation of one intermediate address, all levels. Entries of both stages together stay.</summary>
    Ipas2e1,

    /// <summary>TLBI IPAS2LE1: as <see cref="Ipas2e1"/>, last level only.</summary>
    Ipas2le1,

    /// <summary>TLBI RIPAS2E1: stage 2's translations of a range, all levels (FEAT_TLBIRANGE).</summary>
    Ripas2e1,

    /// <summary>TLBI RIPAS2LE1: as <see cref="Ripas2e1"/>, last level only.</summary>
    Ripas2le1,
}
