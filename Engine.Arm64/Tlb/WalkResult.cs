using System.Runtime.CompilerServices;

namespace Engine.Arm64.Tlb;

/// <summary>Where a walk begins, and what it finds.</summary>
public struct WalkResult
{
    /// <summary>The <see cref="StartLevel"/> of a walk that begins at the root.</summary>
    public const int FromRoot = -2;

    /// <summary>Levels -1 to 3.</summary>
    public const int LevelCount = 5;

    /// <summary>In: the level of the table to begin with, or <see cref="FromRoot"/>. Out: the level of the first descriptor read.</summary>
    public int StartLevel;

    /// <summary>In: whether the walk only looks: nothing in memory changes, and the access flag counts as set.</summary>
    public bool LooksOnly;

    /// <summary>In: whether <see cref="DescriptorAddresses"/>, <see cref="NextTables"/> and <see cref="Restrictions"/> are wanted.</summary>
    public bool WantsPath;

    /// <summary>The level of the last descriptor read: the leaf, or the one that faulted.</summary>
    public int Level;

    /// <summary>In: physical address of the table to begin with, in bytes.</summary>
    public ulong StartTable;

    /// <summary>In: what the tables above the start restrict (the bits 63:59 of their descriptors, ORed).</summary>
    public ulong StartRestrictions;

    /// <summary>Out: physical address, in bytes, that the page, block or run's piece begins with: of the descriptor's own page or block.</summary>
    public ulong OutputAddress;

    /// <summary>Out: log2 of the granule in bytes: 12, 14 or 16. The table of level n spans granule + (4 - n) * (granule - 3) address bits.</summary>
    public int GranuleLog2;

    /// <summary>Out: log2 of the bytes that the leaf descriptor maps.</summary>
    public int PageSizeLog2;

    /// <summary>Out: log2 of the bytes of the contiguous run that it belongs to; <see cref="PageSizeLog2"/> where it belongs to none.</summary>
    public int RunSizeLog2;

    /// <summary>
    /// Out: log2 of the number of aligned adjacent pages around this one that the descriptors map contiguously with equal attributes, at most 2;
    /// 0 where the walker does not look. For hardware page aggregation.
    /// </summary>
    public int AggregationLog2;

    /// <summary>Out: what is allowed: bit <c>kind</c> for EL0, bit <c>4 + kind</c> for EL1 (<see cref="Translation.AccessKind"/>).</summary>
    public uint Allowed;

    /// <summary>Out: the index into MAIR.</summary>
    public int AttributeIndex;

    /// <summary>Out: whether the translation serves every ASID.</summary>
    public bool IsGlobal;

    /// <summary>Out: whether a store would be allowed after the hardware has set the dirty state, which it has not.</summary>
    public bool IsDirtyLater;

    /// <summary>Out, on a fault: the fault status code as ESR_ELx.ISS has it (DFSC or IFSC).</summary>
    public byte FaultStatus;

    /// <summary>Out: physical address of the descriptor read at each level, index level + 1; only from <see cref="StartLevel"/> to <see cref="Level"/>.</summary>
    public WalkAddresses DescriptorAddresses;

    /// <summary>Out: physical address of the table that each table descriptor points to, index level + 1; below <see cref="Level"/> only.</summary>
    public WalkAddresses NextTables;

    /// <summary>Out: the restrictions ORed up to and including each level, as <see cref="StartRestrictions"/>; index level + 1.</summary>
    public WalkAddresses Restrictions;

    /// <summary>One word for each level, index level + 1.</summary>
    [InlineArray(LevelCount)]
    public struct WalkAddresses
    {
        private ulong first;
    }
}
