namespace Engine.Arm64.Processes;

/// <summary>What a process may have and do, as far as memory is concerned: its rlimits and capabilities. Bytes.</summary>
public sealed class ResourceLimits
{
    /// <summary>No limit (<c>RLIM_INFINITY</c>).</summary>
    public const ulong Infinity = ulong.MaxValue;

    /// <summary>RLIMIT_AS: all VMAs together.</summary>
    public ulong AddressSpaceBytes { get; set; } = Infinity;

    /// <summary>RLIMIT_DATA: private writable VMAs, and the heap.</summary>
    public ulong DataBytes { get; set; } = Infinity;

    /// <summary>RLIMIT_STACK: the largest a growing VMA may become.</summary>
    public ulong StackBytes { get; set; } = 8UL << 20;

    /// <summary>RLIMIT_MEMLOCK: locked VMAs together.</summary>
    public ulong LockedBytes { get; set; } = 8UL << 20;

    /// <summary>CAP_IPC_LOCK: may lock without limit.</summary>
    public bool MayLock { get; set; }

    /// <summary>CAP_SYS_ADMIN: may use the memory reserved for the administrator.</summary>
    public bool IsAdmin { get; set; }

    /// <summary>CAP_SYS_RAWIO: may map below <see cref="MemoryMapOptions.MinimumAddress"/>.</summary>
    public bool MayMapLow { get; set; }

    /// <summary>The same for another process: what one changes does not change the other's.</summary>
    public ResourceLimits Copy() => (ResourceLimits)MemberwiseClone();

    /// <summary>All capabilities, the default limits: root.</summary>
    public static ResourceLimits CreateRoot() => new() { MayLock = true, IsAdmin = true, MayMapLow = true };
}
