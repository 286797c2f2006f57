namespace Engine.Arm64.Tlb;

/// <summary>A walker that may have a second stage.</summary>
internal interface INestedWalker
{
    /// <summary>Where it finds known translations of stage 2, and leaves what it has done; null for a walker on its own.</summary>
    public NestedWalk? Nested { get; set; }
}
