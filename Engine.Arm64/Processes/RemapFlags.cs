namespace Engine.Arm64.Processes;

/// <summary>How mremap moves: <c>MREMAP_*</c> (include/uapi/linux/mman.h).</summary>
[Flags]
public enum RemapFlags
{
    /// <summary>In place only.</summary>
    None = 0,

    /// <summary>MREMAP_MAYMOVE.</summary>
    MayMove = 1,

    /// <summary>MREMAP_FIXED.</summary>
    Fixed = 2,

    /// <summary>MREMAP_DONTUNMAP.</summary>
    DontUnmap = 4,
}
