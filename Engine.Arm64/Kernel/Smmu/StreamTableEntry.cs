// A stream table entry: eight words, of which four are used here (Arm IHI 0070, 5.2).
//
//   word 0   51:6 context descriptor   3:1 Config   0 V
//   word 2   50:32 VTCR_EL2's low bits   51 AA64   15:0 VMID
//   word 3   51:4 root of stage 2

using System.Runtime.InteropServices;
using Engine.Arm64.Translation;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel.Smmu;

/// <summary>What the SMMU knows of a stream, as it lies in memory.</summary>
[StructLayout(LayoutKind.Explicit, Size = SizeBytes)]
public struct StreamTableEntry
{
    /// <summary>Bytes in an entry.</summary>
    public const int SizeBytes = 64;

    private const ulong ValidBit = 1;
    private const ulong ContextMask = 0x000f_ffff_ffff_ffc0;
    private const ulong RootMask = 0x000f_ffff_ffff_fff0;
    private const ulong Aarch64Bit = 1UL << 51;
    private const int VtcrShift = 32;
    private const ulong VtcrMask = (1UL << 19) - 1;

    /// <summary>V, Config and the context descriptor's address.</summary>
    [FieldOffset(0)]
    public ulong Word0;

    /// <summary>Attributes of stage 1's fetches; not used here.</summary>
    [FieldOffset(8)]
    public ulong Word1;

    /// <summary>VMID and the shape of stage 2.</summary>
    [FieldOffset(16)]
    public ulong Word2;

    /// <summary>Stage 2's root.</summary>
    [FieldOffset(24)]
    public ulong Word3;

    /// <summary>Whether the entry is valid: V is set, and Config is one of those that exist.</summary>
    public readonly bool IsValid => (Word0 & ValidBit) != 0 && Config is StreamConfig.Abort or >= StreamConfig.Bypass;

    /// <summary>What is done with the stream.</summary>
    public readonly StreamConfig Config => (StreamConfig)((Word0 >> 1) & 7);

    /// <summary>Where the context descriptor lies: an intermediate address where stage 2 is on as well.</summary>
    public readonly PhysAddr Context => new(Word0 & ContextMask);

    /// <summary>The virtual machine that TLB entries belong to; 0 without stage 2.</summary>
    public readonly ushort Vmid => Config >= StreamConfig.Stage2 ? unchecked((ushort)Word2) : (ushort)0;

    /// <summary>Stage 2's registers.</summary>
    internal readonly Stage2Registers Stage2 => Config >= StreamConfig.Stage2
        ? new Stage2Registers((Word3 & RootMask) | ((ulong)Vmid << 48), (Word2 >> VtcrShift) & VtcrMask, Stage2Registers.HcrVm)
        : Stage2Registers.Off;

    /// <summary>An entry without translation.</summary>
    public static StreamTableEntry For(StreamConfig config) => new() { Word0 = ValidBit | ((ulong)config << 1) };

    /// <summary>An entry with stage 1.</summary>
    public static StreamTableEntry ForStage1(PhysAddr context) => new() { Word0 = ValidBit | ((ulong)StreamConfig.Stage1 << 1) | context.Value };

    /// <summary>An entry with stage 2: 4 KiB granule, 48-bit addresses from level 0.</summary>
    public static StreamTableEntry ForStage2(PhysAddr root, ushort vmid)
    {
        // T0SZ 16, SL0 2, inner shareable write-back walks, PS 48 bits.
        const ulong Vtcr = 16 | (2UL << 6) | (1UL << 8) | (1UL << 10) | (3UL << 12) | (5UL << 16);
        return new()
        {
            Word0 = ValidBit | ((ulong)StreamConfig.Stage2 << 1),
            Word2 = vmid | (Vtcr << VtcrShift) | Aarch64Bit,
            Word3 = root.Value,
        };
    }

    /// <summary>An entry with both stages; stage 2 as of <see cref="ForStage2"/>.</summary>
    /// <param name="context">Where the context descriptor lies for the guest: an address that stage 2 translates, as those in the descriptor are.</param>
    /// <param name="root">Stage 2's root.</param>
    /// <param name="vmid">The virtual machine.</param>
    public static StreamTableEntry ForNested(PhysAddr context, PhysAddr root, ushort vmid) =>
        ForStage2(root, vmid) with { Word0 = ValidBit | ((ulong)StreamConfig.Nested << 1) | context.Value };
}
