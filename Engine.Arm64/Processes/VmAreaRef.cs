using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <summary>
/// Names a <see cref="VmArea"/> in the arena by its physical address. It may come from the arena and may be garbage:
/// it turns into a reference only through <see cref="VmAreaTree.this[VmAreaRef]"/>, which checks it.
/// </summary>
public readonly record struct VmAreaRef
{
    /// <summary>The value that is no VMA.</summary>
    public static VmAreaRef None => new(ulong.MaxValue);

    internal readonly ulong Value;

    /// <summary>Wraps a physical address.</summary>
    /// <param name="value">The address in bytes; <see cref="ulong.MaxValue"/> is reserved for <see cref="None"/>.</param>
    public VmAreaRef(ulong value) => Value = value;

    /// <summary>Whether this names no VMA.</summary>
    public bool IsNone => Value == ulong.MaxValue;

    /// <summary>Where the VMA lies.</summary>
    public PhysAddr Address => new(Value);

    /// <summary>The address, or <c>none</c>.</summary>
    public override string ToString() => IsNone ? "none" : Address.ToString();
}
