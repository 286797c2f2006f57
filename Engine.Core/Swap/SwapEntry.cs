using System.Globalization;

namespace Engine.Core.Swap;

/// <summary>
/// A page's place in swap space: area and slot (<c>swp_entry_t</c>, include/linux/swapops.h).
/// <code>type (5 bits) | offset (58 bits)</code>
/// </summary>
public readonly record struct SwapEntry
{
    /// <summary>Areas at most (<c>MAX_SWAPFILES_SHIFT</c> is 5).</summary>
    public const int AreasMax = 32;

    /// <summary>Shift of the area's number (<c>SWP_TYPE_SHIFT</c>).</summary>
    internal const int TypeShift = 58;

    /// <summary>The value that is no entry: no area has slot 0.</summary>
    public static readonly SwapEntry None;

    internal readonly ulong Value;

    /// <summary>Names a slot.</summary>
    /// <param name="type">The area, 0..31.</param>
    /// <param name="offset">The slot, in pages.</param>
    public SwapEntry(int type, ulong offset) => Value = ((ulong)type << TypeShift) | (offset & ((1UL << TypeShift) - 1));

    private SwapEntry(ulong value) => Value = value;

    /// <summary>The area's number, 0..31 where it is not garbage (<c>swp_type</c>).</summary>
    public int Type => (int)(Value >> TypeShift);

    /// <summary>The slot (<c>swp_offset</c>).</summary>
    public ulong Offset => Value & ((1UL << TypeShift) - 1);

    /// <summary>Whether this is <see cref="None"/>.</summary>
    public bool IsNone => Value == 0;

    /// <summary>The entry as a word, as a descriptor keeps it.</summary>
    public ulong ToUInt64() => Value;

    /// <summary>What a word says that a descriptor or an index kept. It may be garbage: whoever uses it checks it.</summary>
    public static SwapEntry FromUInt64(ulong value) => new(value);

    /// <summary>Area and slot.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Type}:{Offset}");
}
