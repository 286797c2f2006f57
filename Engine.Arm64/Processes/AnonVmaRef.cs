using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <summary>Names an <see cref="AnonVma"/> in the arena by its physical address. It may be garbage; <see cref="AnonVmas"/> checks it.</summary>
public readonly record struct AnonVmaRef
{
    /// <summary>The value that is no anon_vma.</summary>
    public static AnonVmaRef None => new(ulong.MaxValue);

    internal readonly ulong Value;

    /// <summary>Wraps a physical address.</summary>
    /// <param name="value">The address in bytes; <see cref="ulong.MaxValue"/> is reserved for <see cref="None"/>.</param>
    public AnonVmaRef(ulong value) => Value = value;

    /// <summary>Whether this names no anon_vma.</summary>
    public bool IsNone => Value == ulong.MaxValue;

    /// <summary>Where it lies.</summary>
    public PhysAddr Address => new(Value);

    /// <summary>The address, or <c>none</c>.</summary>
    public override string ToString() => IsNone ? "none" : Address.ToString();
}
