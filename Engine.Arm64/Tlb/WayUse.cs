using System.Runtime.CompilerServices;

namespace Engine.Arm64.Tlb;

/// <summary>What the use of a way changes in the matrix that has the order of its set.</summary>
internal struct WayUse
{
    /// <summary>The way's row, with a bit for each way of the set.</summary>
    public ulong Row;

    /// <summary>All columns but the way's.</summary>
    public ulong OtherColumns;

    /// <summary>The matrix of a set after the use.</summary>
    /// <param name="order">The matrix before.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly ulong ApplyTo(ulong order) => (order | Row) & OtherColumns;
}
