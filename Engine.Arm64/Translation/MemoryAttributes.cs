// A memory type as MAIR and PAR_EL1 encode it (Arm DDI 0487, D24.2.109): one byte.
//   0b0000dd00  Device: dd 0 nGnRnE, 1 nGnRE, 2 nGRE, 3 GRE
//   0boooo iiii Normal: outer and inner nibble: 0100 non-cacheable, 10rw / 00rw write-through, 11rw / 01rw write-back
// with the shareability beside it: 0 none, 2 outer, 3 inner.

namespace Engine.Arm64.Translation;

/// <summary>A memory type and its shareability.</summary>
/// <param name="Attribute">The byte as MAIR_EL1 and PAR_EL1 encode it.</param>
/// <param name="Shareability">SH as the descriptor or TCR says: 0 none, 2 outer, 3 inner.</param>
public readonly record struct MemoryAttributes(byte Attribute, byte Shareability)
{
    private const byte DeviceStrict = 0x00;
    private const byte NonCacheable = 0x44;
    private const byte NonCacheableXs = 0x40;
    private const byte WriteThroughReadAllocate = 0xAA;
    private const byte WriteBack = 0xFF;
    private const byte Tagged = 0xF0;
    private const byte OuterShareable = 2;

    /// <summary>Whether it is a Device type.</summary>
    public bool IsDevice => (Attribute & 0xF0) == 0;

    /// <summary>Shareability as it takes effect: Device and non-cacheable memory is always outer shareable.</summary>
    public int EffectiveShareability => IsDevice || Attribute is NonCacheable or NonCacheableXs ? OuterShareable : Shareability;

    /// <summary>What accesses have while stage 1 is off (<c>AArch64.S1DisabledOutput</c>).</summary>
    internal static MemoryAttributes ForDisabledStage1(bool isFetch, bool isInstructionCacheOn, bool isDefaultCacheable)
    {
        if (isDefaultCacheable)
        {
            return new(WriteBack, 0);
        }

        return isFetch
            ? new(isInstructionCacheOn ? WriteThroughReadAllocate : NonCacheable, OuterShareable)
            : new(DeviceStrict, OuterShareable);
    }

    /// <summary>Combines stage 1's type with a stage 2 descriptor's (Arm DDI 0487, D8.6).</summary>
    /// <param name="stage1">Stage 1's result.</param>
    /// <param name="memAttr">MemAttr[3:0] of the stage 2 descriptor.</param>
    /// <param name="shareability">Stage 2's SH.</param>
    /// <param name="isForcedWriteBack">HCR_EL2.FWB: another meaning of MemAttr.</param>
    /// <param name="isCacheDisabled">HCR_EL2.CD or ID for this access: no cacheable memory.</param>
    internal static MemoryAttributes Combine(
        MemoryAttributes stage1, int memAttr, int shareability, bool isForcedWriteBack, bool isCacheDisabled)
    {
        // Tagged memory is write-back memory to stage 2, and stays tagged only if it stays write-back.
        MemoryAttributes plain = stage1.Attribute == Tagged ? stage1 with { Attribute = WriteBack } : stage1;
        byte attribute = isForcedWriteBack ? Force(plain, memAttr) : Weaken(plain, memAttr);
        attribute = stage1.Attribute == Tagged && attribute == WriteBack ? Tagged : attribute;
        if (isCacheDisabled && (attribute & 0xF0) != 0)
        {
            attribute = NonCacheable;
        }

        return new(attribute, CombineShareability(stage1.EffectiveShareability, shareability));
    }

    private static byte CombineShareability(int first, int second) =>
        first == OuterShareable || second == OuterShareable ? OuterShareable : (byte)Math.Max(first == 1 ? 0 : first, second == 1 ? 0 : second);

    // Without FWB: Device wins over Normal, the stricter Device type over the other, the lesser cacheability over the greater.
    private static byte Weaken(MemoryAttributes stage1, int memAttr)
    {
        if ((memAttr & 0b1100) == 0)
        {
            int device = memAttr & 3;
            return (byte)(stage1.IsDevice ? Math.Min(stage1.Attribute & 0b1100, device << 2) : device << 2);
        }

        if (stage1.IsDevice)
        {
            return stage1.Attribute;
        }

        int outer = WeakenNibble(stage1.Attribute >> 4, memAttr >> 2);
        int inner = WeakenNibble(stage1.Attribute & 15, memAttr & 3);
        return (byte)((outer << 4) | inner);
    }

    // Stage 2 says 1 non-cacheable, 2 write-through, 3 write-back; 0 is reserved and taken as non-cacheable. The hints are stage 1's.
    private static int WeakenNibble(int stage1, int stage2)
    {
        bool isNonCacheable = stage1 == 0b0100 || stage1 == 0;
        if (isNonCacheable || stage2 <= 1)
        {
            return 0b0100;
        }

        // Write-back is bit 2 of the nibble; without it the same hints mean write-through.
        return stage2 == 2 ? stage1 & 0b1011 : stage1;
    }

    private static byte Force(MemoryAttributes stage1, int memAttr)
    {
        if ((memAttr & 0b0100) == 0)
        {
            int device = memAttr & 3;
            return (byte)(stage1.IsDevice ? Math.Min(stage1.Attribute & 0b1100, device << 2) : device << 2);
        }

        return (memAttr & 3) switch
        {
            2 => WriteBack,
            3 => stage1.Attribute,
            _ => stage1.IsDevice ? stage1.Attribute : NonCacheable,
        };
    }
}
