namespace Engine.PropertyTests.Tlb;

/// <summary>What the tables say of one address.</summary>
/// <param name="Output">Physical address of the page or block.</param>
/// <param name="PageLog2">Its size.</param>
/// <param name="RunLog2">The size of the contiguous run, or again of the page.</param>
/// <param name="AggregationLog2">How many adjacent pages map alike.</param>
/// <param name="IsWritable">Whether stores are allowed.</param>
/// <param name="IsGlobal">Whether it holds for every address space.</param>
/// <param name="Level">The descriptor's level.</param>
internal sealed record NaiveMapping(ulong Output, int PageLog2, int RunLog2, int AggregationLog2, bool IsWritable, bool IsGlobal, int Level)
{
    /// <summary>How much of it can be one entry: less than the page where a second stage maps its parts apart.</summary>
    public int CapLog2 { get; init; } = 63;
}
