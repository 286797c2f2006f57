using System.Globalization;
using Engine.Arm64.Units;

namespace Engine.Arm64.Processes;

/// <summary>What a system call answers: a value or an errno, packed as the kernel packs it (-4095..-1 is an errno).</summary>
public readonly record struct SyscallResult
{
    private readonly long raw;

    private SyscallResult(long raw) => this.raw = raw;

    /// <summary>Success without a value.</summary>
    public static SyscallResult Success => default;

    /// <summary>Whether the call failed.</summary>
    public bool IsError => unchecked((ulong)raw) > unchecked((ulong)-4096L);

    /// <summary>Why it failed; <see cref="Errno.None"/> where it did not.</summary>
    public Errno Errno => IsError ? (Errno)(int)-raw : Errno.None;

    /// <summary>The value; meaningless where <see cref="IsError"/>.</summary>
    public ulong Value => unchecked((ulong)raw);

    /// <summary>The value as an address.</summary>
    public VirtAddr Address => new(Value);

    /// <summary>The register's content: the value, or the negative errno.</summary>
    public long Raw => raw;

    /// <summary>Success with a value.</summary>
    public static SyscallResult FromValue(ulong value) => new(unchecked((long)value));

    /// <summary>Success with an address.</summary>
    public static SyscallResult FromAddress(VirtAddr address) => FromValue(address.Value);

    /// <summary>Failure; or success without a value for <see cref="Errno.None"/>.</summary>
    public static SyscallResult FromErrno(Errno errno) => new(-(long)errno);

    /// <summary>Failure; or success without a value for <see cref="Errno.None"/>.</summary>
    public static implicit operator SyscallResult(Errno errno) => FromErrno(errno);

    /// <summary>Failure; or success without a value for <see cref="Errno.None"/>.</summary>
    public static SyscallResult ToSyscallResult(Errno errno) => FromErrno(errno);

    /// <summary>The errno's name, or the value in hexadecimal.</summary>
    public override string ToString() => IsError ? Errno.ToString() : string.Create(CultureInfo.InvariantCulture, $"0x{Value:x}");
}
