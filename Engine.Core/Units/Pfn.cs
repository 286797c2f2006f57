using System.Globalization;

namespace Engine.Core.Units;

/// <summary>
/// A page frame number: a physical address divided by the frame size of 4,096 bytes.
/// It is absolute, as in Linux: the first frame of memory that starts at 1 GiB has the number 0x40000.
/// </summary>
public readonly record struct Pfn : IComparable<Pfn>
{
    /// <summary>log2 of the frame size in bytes (<c>PAGE_SHIFT</c>).</summary>
    public const int PageShift = 12;

    /// <summary>Bytes in a frame (<c>PAGE_SIZE</c>).</summary>
    public const int PageSizeBytes = 1 << PageShift;

    /// <summary>The value that is no frame.</summary>
    public static Pfn None => new(uint.MaxValue);

    internal readonly uint Value;

    /// <summary>Wraps a frame number.</summary>
    /// <param name="value">The frame number; <see cref="uint.MaxValue"/> is reserved for <see cref="None"/>.</param>
    public Pfn(uint value) => Value = value;

    /// <summary>The frame number as an integer.</summary>
    public uint ToUInt32() => Value;

    /// <summary>The address of the frame's first byte.</summary>
    public PhysAddr Address => new((ulong)Value << PageShift);

    /// <summary>The frame <paramref name="pageCount"/> frames above this one.</summary>
    public static Pfn operator +(Pfn pfn, uint pageCount) => new(unchecked(pfn.Value + pageCount));

    /// <summary>The distance in frames; <paramref name="left"/> must not be below <paramref name="right"/>.</summary>
    public static uint operator -(Pfn left, Pfn right) => unchecked(left.Value - right.Value);

    /// <summary>Whether <paramref name="left"/> lies below <paramref name="right"/>.</summary>
    public static bool operator <(Pfn left, Pfn right) => left.Value < right.Value;

    /// <summary>Whether <paramref name="left"/> lies above <paramref name="right"/>.</summary>
    public static bool operator >(Pfn left, Pfn right) => left.Value > right.Value;

    /// <summary>Whether <paramref name="left"/> lies below or at <paramref name="right"/>.</summary>
    public static bool operator <=(Pfn left, Pfn right) => left.Value <= right.Value;

    /// <summary>Whether <paramref name="left"/> lies above or at <paramref name="right"/>.</summary>
    public static bool operator >=(Pfn left, Pfn right) => left.Value >= right.Value;

    /// <inheritdoc/>
    public int CompareTo(Pfn other) => Value.CompareTo(other.Value);

    /// <summary>Hexadecimal, as the kernel prints a frame number: <c>0x40000</c>.</summary>
    public override string ToString() =>
        this == None ? "none" : string.Create(CultureInfo.InvariantCulture, $"0x{Value:x}");
}
