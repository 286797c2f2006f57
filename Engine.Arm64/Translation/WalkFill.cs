using System.Runtime.InteropServices;
using Engine.Core.Units;

namespace Engine.Arm64.Translation;

/// <summary>What a walk hands to a TLB: 24 bytes, no references.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct WalkFill
{
    /// <summary><see cref="FaultCode"/> of a walk without a fault.</summary>
    public const byte NoFault = 0xFF;

    /// <summary>Physical address of the leaf's first byte, aligned to <see cref="BlockShift"/>.</summary>
    public ulong OutputBase;

    /// <summary>The leaf descriptor as memory holds it after the walk.</summary>
    public Descriptor Descriptor;

    /// <summary>DFSC of the fault, or <see cref="NoFault"/>; nothing else but <see cref="Level"/> and <see cref="DescriptorReads"/> has a meaning on a fault.</summary>
    public byte FaultCode;

    /// <summary>Level of the leaf, -1..3.</summary>
    public sbyte Level;

    /// <summary>log2 of what the leaf translates, in bytes.</summary>
    public byte BlockShift;

    /// <summary>log2 of the contiguous run in bytes; <see cref="BlockShift"/> where there is none.</summary>
    public byte RunShift;

    /// <summary>What is allowed, before PAN. A write that must first set the dirty state is not in it: see <see cref="WalkFillFlags.DirtyPending"/>.</summary>
    public AccessPermissions Permissions;

    /// <summary>AttrIndx.</summary>
    public byte AttributeIndex;

    /// <summary>Global, guarded, dirty pending.</summary>
    public WalkFillFlags Flags;

    /// <summary>Descriptors read. In stage 1 that is one at each level from the start of the walk down to <see cref="Level"/>.</summary>
    public byte DescriptorReads;

    /// <summary>Whether the walk ended in a fault.</summary>
    public readonly bool IsFault => FaultCode != NoFault;

    /// <summary>The output address of an input address that the leaf translates.</summary>
    public readonly PhysAddr AddressOf(Units.VirtAddr address) => new(OutputBase | (address.ToUInt64() & ((1UL << BlockShift) - 1)));
}
