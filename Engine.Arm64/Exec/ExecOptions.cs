namespace Engine.Arm64.Exec;

/// <summary>How a program is started.</summary>
public sealed record ExecOptions
{
    /// <summary>The machine number of ARM64 in ELF headers (<c>EM_AARCH64</c>).</summary>
    public const ushort Aarch64 = 183;

    /// <summary>argv. An empty list becomes one empty string, as since Linux 5.18.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>envp.</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>What is placed at random.</summary>
    public AddressRandomization Randomization { get; init; } = AddressRandomization.Full;

    /// <summary>The seed of what is random: the same seed gives the same places. Null for the machine's seed and the process's number.</summary>
    public ulong? Seed { get; init; }

    /// <summary>
    /// The machine number that the program and its dynamic linker must have. Memory is laid out from headers alone, so a program of another 64-bit machine can be
    /// laid out as well.
    /// </summary>
    public ushort ElfMachine { get; init; } = Aarch64;

    /// <summary>Whether mappings are placed upwards (personality(ADDR_COMPAT_LAYOUT)); they are as well where RLIMIT_STACK is unlimited.</summary>
    public bool IsLegacyLayout { get; init; }
}
