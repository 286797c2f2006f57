using System.Runtime.CompilerServices;

namespace Engine.Arm64.Tlb;

/// <summary>A translation without anything special: one page or block outside any contiguous run, and no update of the tables. The default value says that there is none.</summary>
public readonly struct PlainTranslation
{
    /// <summary>What <see cref="TlbEntry.Meta"/> will be, but for ASID and VMID; 0 where there is no such translation.</summary>
    internal readonly ulong Meta;

    /// <summary>Physical address of the page or block.</summary>
    internal readonly ulong Output;

    /// <summary>Where the walk is counted: (first level + 1) * levels + last level + 1.</summary>
    internal readonly int WalkIndex;

    /// <summary>Describes a translation.</summary>
    /// <param name="outputAddress">Physical address, in bytes, of the page or block.</param>
    /// <param name="pageSizeLog2">log2 of its bytes.</param>
    /// <param name="startLevel">Level of the first descriptor read, -1..3.</param>
    /// <param name="level">Level of the leaf, -1..3.</param>
    /// <param name="allowed">As <see cref="WalkResult.Allowed"/>.</param>
    /// <param name="attributeIndex">The index into MAIR, 0..7.</param>
    /// <param name="isGlobal">Whether the translation serves every ASID.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public PlainTranslation(ulong outputAddress, int pageSizeLog2, int startLevel, int level, uint allowed, int attributeIndex, bool isGlobal)
    {
        Output = outputAddress;
        WalkIndex = ((startLevel + 1) * WalkResult.LevelCount) + level + 1;
        Meta = allowed
            | ((ulong)(uint)attributeIndex << TlbEntry.AttributeShift)
            | ((ulong)(uint)pageSizeLog2 << TlbEntry.EntrySizeShift)
            | ((ulong)(uint)pageSizeLog2 << TlbEntry.PageSizeShift)
            | (isGlobal ? 1UL << TlbEntry.GlobalShift : 0)
            | TlbEntry.Plain
            | ((ulong)(uint)(level + 1) << TlbEntry.LevelShift);
    }
}
