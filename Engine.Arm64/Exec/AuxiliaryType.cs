namespace Engine.Arm64.Exec;

/// <summary>What an entry of the auxiliary vector tells (<c>AT_*</c>, include/uapi/linux/auxvec.h and asm/auxvec.h).</summary>
public enum AuxiliaryType
{
    /// <summary>AT_NULL: the end.</summary>
    Null = 0,

    /// <summary>AT_PHDR: where the program headers are.</summary>
    ProgramHeaders = 3,

    /// <summary>AT_PHENT: bytes in one.</summary>
    ProgramHeaderBytes = 4,

    /// <summary>AT_PHNUM: how many.</summary>
    ProgramHeaderCount = 5,

    /// <summary>AT_PAGESZ: bytes in a page.</summary>
    PageSize = 6,

    /// <summary>AT_BASE: where the dynamic linker is.</summary>
    InterpreterBase = 7,

    /// <summary>AT_FLAGS.</summary>
    Flags = 8,

    /// <summary>AT_ENTRY: the program's entry.</summary>
    Entry = 9,

    /// <summary>AT_UID.</summary>
    Uid = 11,

    /// <summary>AT_EUID.</summary>
    EffectiveUid = 12,

    /// <summary>AT_GID.</summary>
    Gid = 13,

    /// <summary>AT_EGID.</summary>
    EffectiveGid = 14,

    /// <summary>AT_PLATFORM: the machine's name.</summary>
    Platform = 15,

    /// <summary>AT_HWCAP: what the CPU can do.</summary>
    HardwareCapabilities = 16,

    /// <summary>AT_CLKTCK: the frequency of times().</summary>
    ClockTicks = 17,

    /// <summary>AT_SECURE: whether privileges were gained.</summary>
    Secure = 23,

    /// <summary>AT_RANDOM: where 16 random bytes are.</summary>
    Random = 25,

    /// <summary>AT_HWCAP2.</summary>
    HardwareCapabilities2 = 26,

    /// <summary>AT_RSEQ_FEATURE_SIZE.</summary>
    RseqFeatureBytes = 27,

    /// <summary>AT_RSEQ_ALIGN.</summary>
    RseqAlignment = 28,

    /// <summary>AT_EXECFN: the file's name.</summary>
    FileName = 31,

    /// <summary>AT_SYSINFO_EHDR: where the vDSO is.</summary>
    Vdso = 33,

    /// <summary>AT_MINSIGSTKSZ: bytes that a signal takes on a stack.</summary>
    MinimumSignalStackBytes = 51,
}
