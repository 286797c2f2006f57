namespace Engine.Arm64;

/// <summary>What the kernel's bookkeeping takes, in bytes.</summary>
public readonly record struct MetadataSummary
{
    /// <summary>All of it.</summary>
    public required ulong TotalBytes { get; init; }

    /// <summary>Frame descriptors and states.</summary>
    public required ulong FrameTableBytes { get; init; }

    /// <summary>What knows which memory is free.</summary>
    public required ulong BitmapBytes { get; init; }

    /// <summary>Page tables of processes, their roots not counted.</summary>
    public required ulong UserTableBytes { get; init; }

    /// <summary>Page tables of the kernel and of devices.</summary>
    public required ulong KernelTableBytes { get; init; }

    /// <summary>Slabs of all caches, with the caches' own bookkeeping.</summary>
    public required ulong SlabBytes { get; init; }

    /// <summary>What vmalloc keeps of its areas; it lies in slabs and is counted there too.</summary>
    public required ulong VmallocBytes { get; init; }

    /// <summary>What is neither of the above but vmalloc: zones, per-CPU page lists, the zero page.</summary>
    public ulong OtherBytes => TotalBytes - FrameTableBytes - BitmapBytes - UserTableBytes - KernelTableBytes - SlabBytes;
}
