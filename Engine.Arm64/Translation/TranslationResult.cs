using Engine.Core.Units;

namespace Engine.Arm64.Translation;

/// <summary>What a walk found: an output address with all that a TLB would keep, or a fault.</summary>
public readonly record struct TranslationResult
{
    /// <summary>The fault, or <see cref="TranslationFault.None"/>.</summary>
    public TranslationFault Fault { get; init; }

    /// <summary>Whether the address translated.</summary>
    public bool IsOk => Fault.Kind == FaultKind.None;

    /// <summary>The output address of this byte.</summary>
    public PhysAddr Address { get; init; }

    /// <summary>The intermediate physical address: stage 1's output. On a stage 2 fault, the address that stage 2 could not translate.</summary>
    public PhysAddr IntermediateAddress { get; init; }

    /// <summary>Level of stage 1's leaf, -1..3; 0 while stage 1 is off.</summary>
    public sbyte Level { get; init; }

    /// <summary>log2 of what the leaf translates, in bytes; with stage 2 the smaller of both leaves.</summary>
    public byte BlockShift { get; init; }

    /// <summary>log2 of the contiguous run in bytes, or <see cref="BlockShift"/> where the contiguous bit is clear or has no meaning.</summary>
    public byte RunShift { get; init; }

    /// <summary>Whether the leaf belongs to a contiguous run.</summary>
    public bool IsContiguous => RunShift > BlockShift;

    /// <summary>AttrIndx: which byte of MAIR.</summary>
    public byte AttributeIndex { get; init; }

    /// <summary>Memory type and shareability, of both stages combined.</summary>
    public MemoryAttributes Attributes { get; init; }

    /// <summary>What the translation allows at each exception level, before PAN; of both stages.</summary>
    public AccessPermissions Permissions { get; init; }

    /// <summary>nG is clear: the translation holds in every address space.</summary>
    public bool IsGlobal { get; init; }

    /// <summary>GP: a guarded page (branch target identification).</summary>
    public bool IsGuarded { get; init; }

    /// <summary>A store would have the hardware set the dirty state first: writable through DBM, and still read-only in memory.</summary>
    public bool IsDirtyPending { get; init; }

    /// <summary>Stage 1's leaf descriptor after any update; also set on access-flag and permission faults.</summary>
    public Descriptor Descriptor { get; init; }

    /// <summary>Where the last stage 1 descriptor lies, in physical memory.</summary>
    public PhysAddr DescriptorAddress { get; init; }

    /// <summary>Descriptors read, of both stages.</summary>
    public byte DescriptorReads { get; init; }

    /// <summary>
    /// PAR_EL1 as an AT instruction leaves it in Non-secure state (Arm DDI 0487, D24.2.124). SH is what the descriptor or TCR says:
    /// the machines whose results are recorded report it so for Device memory as well, where the architecture's text has outer shareable.
    /// </summary>
    public ulong ParEl1
    {
        get
        {
            const ulong Reserved1 = 1UL << 11;
            const ulong NonSecure = 1UL << 9;
            if (!IsOk)
            {
                return Reserved1 | (Fault.IsStage2 ? 1UL << 9 : 0) | (Fault.IsOnStage1Walk ? 1UL << 8 : 0) | ((ulong)Fault.StatusCode << 1) | 1;
            }

            ulong frame = Address.ToUInt64() & 0x000F_FFFF_FFFF_F000UL;
            return ((ulong)Attributes.Attribute << 56) | frame | Reserved1 | NonSecure | ((ulong)Attributes.Shareability << 7);
        }
    }
}
