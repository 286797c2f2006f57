using System.Globalization;

namespace Engine.Core.Units;

/// <summary>A physical address: what the bus of the simulated machine sees. In bytes.</summary>
public readonly record struct PhysAddr : IComparable<PhysAddr>
{
    internal readonly ulong Value;

    /// <summary>Wraps a byte address.</summary>
    /// <param name="value">The address in bytes.</param>
    public PhysAddr(ulong value) => Value = value;

    /// <summary>The address as an integer.</summary>
    public ulong ToUInt64() => Value;

    /// <summary>The frame that holds this byte. Addresses of 16 TiB and above have no <see cref="Units.Pfn"/>: they give <see cref="Pfn.None"/>.</summary>
    public Pfn Pfn => Value >> Pfn.PageShift < uint.MaxValue ? new((uint)(Value >> Pfn.PageShift)) : Pfn.None;

    /// <summary>The byte's place within its frame, 0..4095.</summary>
    public int PageOffset => (int)(Value & (Pfn.PageSizeBytes - 1));

    /// <summary>The address <paramref name="lengthBytes"/> above this one (wraps at 2^64).</summary>
    public static PhysAddr operator +(PhysAddr address, ulong lengthBytes) => new(unchecked(address.Value + lengthBytes));

    /// <summary>The distance in bytes; <paramref name="left"/> must not be below <paramref name="right"/>.</summary>
    public static ulong operator -(PhysAddr left, PhysAddr right) => unchecked(left.Value - right.Value);

    /// <summary>Whether <paramref name="left"/> lies below <paramref name="right"/>.</summary>
    public static bool operator <(PhysAddr left, PhysAddr right) => left.Value < right.Value;

    /// <summary>Whether <paramref name="left"/> lies above <paramref name="right"/>.</summary>
    public static bool operator >(PhysAddr left, PhysAddr right) => left.Value > right.Value;

    /// <summary>Whether <paramref name="left"/> lies below or at <paramref name="right"/>.</summary>
    public static bool operator <=(PhysAddr left, PhysAddr right) => left.Value <= right.Value;

    /// <summary>Whether <paramref name="left"/> lies above or at <paramref name="right"/>.</summary>
    public static bool operator >=(PhysAddr left, PhysAddr right) => left.Value >= right.Value;

    /// <inheritdoc/>
    public int CompareTo(PhysAddr other) => Value.CompareTo(other.Value);

    /// <summary>Hexadecimal: <c>0x40000000</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"0x{Value:x}");
}
