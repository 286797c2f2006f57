namespace Engine.Core.Buddy;

/// <summary>How the page allocator is set up at boot.</summary>
public sealed record PageAllocatorOptions
{
    /// <summary>How many CPUs have page lists of their own, 1..4096.</summary>
    public int CpuCount { get; init; } = 1;
}
