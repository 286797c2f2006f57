using System.Runtime.InteropServices;

namespace Mmsim.Kmem;

/// <summary>
/// One step of the replay, 16 bytes. It names no frame of the real machine: a <em>slot</em> stands for a live block, and the
/// replay keeps the model's frame of each slot, so that it looks nothing up.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal struct ReplayOp
{
    /// <summary>Set in the slot of a block that was allocated before the trace began.</summary>
    public const uint EarlierBit = 1u << 31;

    /// <summary>The slot; with <see cref="EarlierBit"/>, the place in <see cref="ReplayProgram.Earlier"/>; of a split, the place in <see cref="ReplayProgram.Splits"/>.</summary>
    public uint Slot;

    /// <summary>Time since the first event, in units of 16 microseconds, at most the largest number.</summary>
    public uint Time;

    /// <summary>The CPU that acts.</summary>
    public ushort Cpu;

    /// <summary>The number of the flags' text.</summary>
    public ushort Gfp;

    /// <summary>What to do.</summary>
    public ReplayOpKind Kind;

    /// <summary>The block's order.</summary>
    public byte Order;
}
