using System.Runtime.CompilerServices;

namespace Engine.Arm64.Tlb;

/// <summary>
/// A translation without anything special, in one word: one page or block outside any contiguous run, and no update of the tables.
/// The output address goes beside it.
/// </summary>
public static class PlainTranslation
{
    /// <summary>There is no such translation.</summary>
    public const ulong None = 0;

    /// <summary>There is no translation at all: the walk read every level, and ended at an invalid descriptor of the last one.</summary>
    public const ulong Empty = 1;

    /// <summary>The word of a translation, neither <see cref="None"/> nor <see cref="Empty"/>.</summary>
    /// <param name="pageSizeLog2">log2 of the bytes of the page or block.</param>
    /// <param name="level">Level of the leaf, -1..3.</param>
    /// <param name="allowed">As <see cref="WalkResult.Allowed"/>.</param>
    /// <param name="attributeIndex">The index into MAIR, 0..7.</param>
    /// <param name="isGlobal">Whether the translation serves every ASID.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Pack(int pageSizeLog2, int level, uint allowed, int attributeIndex, bool isGlobal) =>
        allowed
        | ((ulong)(uint)attributeIndex << TlbEntry.AttributeShift)
        | (isGlobal ? TlbEntry.Global : 0)
        | (TlbEntry.Plain
            | ((ulong)(uint)pageSizeLog2 << TlbEntry.EntrySizeShift)
            | ((ulong)(uint)pageSizeLog2 << TlbEntry.PageSizeShift)
            | ((ulong)(uint)(level + 1) << TlbEntry.LevelShift));
}
