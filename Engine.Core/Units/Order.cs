using System.Globalization;

namespace Engine.Core.Units;

/// <summary>log2 of a block's size in frames: order 0 is one frame, order 9 is 2 MiB, order 10 (<see cref="Max"/>) is 4 MiB.</summary>
public readonly record struct Order : IComparable<Order>
{
    /// <summary>The largest order as a number (<c>MAX_PAGE_ORDER</c>, inclusive since Linux 6.8).</summary>
    public const int MaxValue = 10;

    /// <summary>How many orders there are (<c>NR_PAGE_ORDERS</c>).</summary>
    public const int Count = MaxValue + 1;

    /// <summary>The order of a pageblock: 512 frames, 2 MiB (<c>pageblock_order</c> with HUGETLB_PAGE).</summary>
    public const int PageBlockValue = 9;

    /// <summary>One frame.</summary>
    public static Order Zero => default;

    /// <summary>4 MiB.</summary>
    public static Order Max => new(MaxValue);

    /// <summary>2 MiB.</summary>
    public static Order PageBlock => new(PageBlockValue);

    internal readonly int Value;

    /// <summary>Wraps an order.</summary>
    /// <param name="value">0..10. Larger values are accepted here, as Linux does, and refused by the allocator.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="value"/> is negative or above 31.</exception>
    public Order(int value)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)value, 31u, nameof(value));
        Value = value;
    }

    /// <summary>The order as an integer.</summary>
    public int ToInt32() => Value;

    /// <summary>Frames in a block of this order.</summary>
    public uint PageCount => 1u << Value;

    /// <summary>Bytes in a block of this order.</summary>
    public ulong LengthBytes => (ulong)Pfn.PageSizeBytes << Value;

    /// <inheritdoc/>
    public int CompareTo(Order other) => Value.CompareTo(other.Value);

    /// <summary>Whether <paramref name="left"/> is the smaller order.</summary>
    public static bool operator <(Order left, Order right) => left.Value < right.Value;

    /// <summary>Whether <paramref name="left"/> is the larger order.</summary>
    public static bool operator >(Order left, Order right) => left.Value > right.Value;

    /// <summary>Whether <paramref name="left"/> is not larger.</summary>
    public static bool operator <=(Order left, Order right) => left.Value <= right.Value;

    /// <summary>Whether <paramref name="left"/> is not smaller.</summary>
    public static bool operator >=(Order left, Order right) => left.Value >= right.Value;

    /// <summary>The number.</summary>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}
