namespace Engine.Arm64.Processes;

/// <summary>The protection that mmap and mprotect ask for: <c>PROT_*</c> (include/uapi/asm-generic/mman-common.h).</summary>
[Flags]
public enum MemoryProtection
{
    /// <summary>PROT_NONE.</summary>
    None = 0,

    /// <summary>PROT_READ.</summary>
    Read = 0x1,

    /// <summary>PROT_WRITE.</summary>
    Write = 0x2,

    /// <summary>PROT_EXEC.</summary>
    Exec = 0x4,

    /// <summary>PROT_SEM: ignored.</summary>
    Semaphore = 0x8,

    /// <summary>PROT_GROWSDOWN: mprotect reaches down to the start of a growing VMA.</summary>
    GrowsDown = 0x0100_0000,

    /// <summary>PROT_GROWSUP: no VMA grows up on ARM64.</summary>
    GrowsUp = 0x0200_0000,
}
