// A context descriptor: the registers of stage 1, eight words of which three are used here (Arm IHI 0070, 5.4).
//
//   word 0   63:48 ASID   38 TBI0   34:32 IPS   31 V   30 EPD1   14 EPD0   7:6 TG0   5:0 T0SZ   41 AA64
//   word 1   51:4 TTB0
//   word 3   MAIR

using System.Runtime.InteropServices;
using Engine.Arm64.Translation;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel.Smmu;

/// <summary>Stage 1 of a stream, as it lies in memory.</summary>
[StructLayout(LayoutKind.Explicit, Size = SizeBytes)]
public struct ContextDescriptor
{
    /// <summary>Bytes in a descriptor.</summary>
    public const int SizeBytes = 64;

    /// <summary>MAIR as the driver's page tables use it: 0 non-cacheable, 1 write-back, 2 device.</summary>
    public const ulong Mair = 0x04_ff_44;

    private const ulong ValidBit = 1UL << 31;
    private const ulong RootMask = 0x000f_ffff_ffff_fff0;

    /// <summary>ASID and the shape of the tables.</summary>
    [FieldOffset(0)]
    public ulong Word0;

    /// <summary>The root.</summary>
    [FieldOffset(8)]
    public ulong Word1;

    /// <summary>The memory types.</summary>
    [FieldOffset(24)]
    public ulong Word3;

    /// <summary>Whether it is valid.</summary>
    public readonly bool IsValid => (Word0 & ValidBit) != 0;

    /// <summary>The address space that TLB entries belong to.</summary>
    public readonly ushort Asid => (ushort)(Word0 >> 48);

    // TCR's places of the same fields; the upper half is never walked.
    internal readonly TranslationRegisters Registers
    {
        get
        {
            const ulong UpperOff = 1UL << 23;
            ulong tcr = (Word0 & 0x3f) | (((Word0 >> 6) & 3) << 14) | (((Word0 >> 14) & 1) << 7) | UpperOff
                | (((Word0 >> 32) & 7) << 32) | (((Word0 >> 38) & 1) << 37);
            return new TranslationRegisters((Word1 & RootMask) | ((ulong)Asid << 48), 0, tcr, Word3, TranslationRegisters.SctlrMmuOn, SmmuV3.Profile);
        }
    }

    /// <summary>A descriptor for tables of the 4 KiB granule with 48-bit addresses.</summary>
    public static ContextDescriptor For(PhysAddr root, ushort asid) => new()
    {
        // T0SZ 16, IPS 48 bits, TTBR1 off, AArch64.
        Word0 = 16 | (5UL << 32) | (1UL << 30) | ValidBit | (1UL << 41) | ((ulong)asid << 48),
        Word1 = root.Value,
        Word3 = Mair,
    };
}
