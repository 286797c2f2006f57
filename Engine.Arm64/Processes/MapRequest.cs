using Engine.Arm64.Units;

namespace Engine.Arm64.Processes;

/// <summary>One mmap on its way: what was asked, and what it has become.</summary>
internal struct MapRequest
{
    /// <summary>The hint, then the place.</summary>
    public VirtAddr Address;

    /// <summary>Bytes, then whole pages.</summary>
    public ulong LengthBytes;

    /// <summary>As asked.</summary>
    public MemoryProtection Protection;

    /// <summary>As asked.</summary>
    public MapFlags Flags;

    /// <summary>The file, or none.</summary>
    public MappedFile File;

    /// <summary>The first page of the file.</summary>
    public ulong PageOffset;

    /// <summary>The VMA's flags.</summary>
    public VmFlags VmFlags;
}
