// An event record: four words (Arm IHI 0070, 7.3; drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.h).
//
//   word 0   63:32 stream     7:0 type
//   word 1   44 table read    41:40 class   39 stage 2   35 read, not write   33 privileged
//   word 2   input address
//   word 3   51:12 intermediate address, where stage 2 faulted

using System.Globalization;

namespace Engine.Arm64.Kernel.Smmu;

/// <summary>What an SMMU recorded.</summary>
/// <param name="Word0">Type and stream.</param>
/// <param name="Word1">How the access was made, and at which stage it faulted.</param>
/// <param name="Word2">The input address.</param>
/// <param name="Word3">The intermediate address.</param>
public readonly record struct SmmuEvent(ulong Word0, ulong Word1, ulong Word2, ulong Word3)
{
    /// <summary>Bytes in a record.</summary>
    public const int SizeBytes = 32;

    private const int ClassShift = 40;
    private const ulong ReadBit = 1UL << 35;
    private const ulong Stage2Bit = 1UL << 39;

    /// <summary>What happened.</summary>
    public SmmuEventType Type => (SmmuEventType)(Word0 & 0xff);

    /// <summary>Whose access it was.</summary>
    public uint StreamId => (uint)(Word0 >> 32);

    /// <summary>The address that the device used.</summary>
    public ulong Address => Word2;

    /// <summary>Whether the access was a read.</summary>
    public bool IsRead => (Word1 & ReadBit) != 0;

    /// <summary>Whether stage 2 faulted.</summary>
    public bool IsStage2 => (Word1 & Stage2Bit) != 0;

    /// <summary>The text of the driver's handler (<c>arm_smmu_evtq_thread</c>).</summary>
    public string Format() => string.Create(
        CultureInfo.InvariantCulture,
        $"arm-smmu-v3 arm-smmu-v3.0.auto: event 0x{Word0 & 0xff:x2} received:\narm-smmu-v3 arm-smmu-v3.0.auto: \t0x{Word0:x16}\narm-smmu-v3 arm-smmu-v3.0.auto: \t0x{Word1:x16}\narm-smmu-v3 arm-smmu-v3.0.auto: \t0x{Word2:x16}\narm-smmu-v3 arm-smmu-v3.0.auto: \t0x{Word3:x16}\n");

    /// <summary>What the address was for that stage 2 could not translate.</summary>
    public SmmuEventClass Class => (SmmuEventClass)((Word1 >> ClassShift) & 3);

    /// <summary>The intermediate address's page, where stage 2 faulted.</summary>
    public ulong IntermediateAddress => Word3;

    /// <summary>Makes a record.</summary>
    internal static SmmuEvent Create(
        SmmuEventType type, uint stream, ulong address, bool isWrite, bool isStage2 = false, SmmuEventClass about = SmmuEventClass.Input, ulong intermediate = 0) =>
        new(
            ((ulong)stream << 32) | (uint)type,
            (isWrite ? 0 : ReadBit) | (isStage2 ? Stage2Bit : 0) | ((ulong)about << ClassShift),
            address,
            isStage2 ? intermediate & 0x000f_ffff_ffff_f000 : 0);
}
