using System.Globalization;

namespace Engine.Arm64.Units;

/// <summary>A virtual address, in bytes, with all 64 bits: bit 55 tells the TTBR0 half from the TTBR1 half.</summary>
public readonly record struct VirtAddr : IComparable<VirtAddr>
{
    internal readonly ulong Value;

    /// <summary>Wraps a byte address.</summary>
    /// <param name="value">The address in bytes.</param>
    public VirtAddr(ulong value) => Value = value;

    /// <summary>The address as an integer.</summary>
    public ulong ToUInt64() => Value;

    /// <summary>The address <paramref name="lengthBytes"/> above this one (wraps at 2^64).</summary>
    public static VirtAddr operator +(VirtAddr address, ulong lengthBytes) => new(unchecked(address.Value + lengthBytes));

    /// <summary>The distance in bytes; <paramref name="left"/> must not be below <paramref name="right"/>.</summary>
    public static ulong operator -(VirtAddr left, VirtAddr right) => unchecked(left.Value - right.Value);

    /// <summary>Whether <paramref name="left"/> lies below <paramref name="right"/>.</summary>
    public static bool operator <(VirtAddr left, VirtAddr right) => left.Value < right.Value;

    /// <summary>Whether <paramref name="left"/> lies above <paramref name="right"/>.</summary>
    public static bool operator >(VirtAddr left, VirtAddr right) => left.Value > right.Value;

    /// <summary>Whether <paramref name="left"/> lies below or at <paramref name="right"/>.</summary>
    public static bool operator <=(VirtAddr left, VirtAddr right) => left.Value <= right.Value;

    /// <summary>Whether <paramref name="left"/> lies above or at <paramref name="right"/>.</summary>
    public static bool operator >=(VirtAddr left, VirtAddr right) => left.Value >= right.Value;

    /// <inheritdoc/>
    public int CompareTo(VirtAddr other) => Value.CompareTo(other.Value);

    /// <summary>Hexadecimal: <c>0xffff800080000000</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"0x{Value:x}");
}
