using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Engine.Arm64.Processes;

/// <summary>
/// Ten words of a <see cref="VmAreaNode"/> at once. A column is two vectors of four words and one of two, and so it is read and written: what
/// is written in other pieces than it is soon read in costs the host more than the work itself.
/// </summary>
internal static unsafe class VmAreaColumn
{
    /// <summary>Bit i is set where word i is above a bound; words that are not in use count as well.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Above(VmAreaNodeSlots* column, ulong bound)
    {
        // SAFETY: ten words from the column's first.
        ulong* words = (ulong*)column;
        return Vector256.GreaterThan(Vector256.Load(words), Vector256.Create(bound)).ExtractMostSignificantBits()
            | (Vector256.GreaterThan(Vector256.Load(words + 4), Vector256.Create(bound)).ExtractMostSignificantBits() << 4)
            | (Vector128.GreaterThan(Vector128.Load(words + 8), Vector128.Create(bound)).ExtractMostSignificantBits() << 8);
    }

    /// <summary>Bit i is set where the gap in front of a leaf's VMA i holds a length; VMAs that are not in use count as well.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint GapsOfAtLeast(VmAreaNode* leaf, ulong lengthBytes)
    {
        // SAFETY: ten words of each column, the ends from one word before their column on, which is the last of the starts.
        ulong* starts = (ulong*)&leaf->Starts;
        ulong* ends = (ulong*)&leaf->Extents - 1;
        return Fits(Vector256.Load(starts), Vector256.Load(ends).WithElement(0, leaf->Floor))
            | (Fits(Vector256.Load(starts + 4), Vector256.Load(ends + 4)) << 4)
            | (FitsPair(Vector128.Load(starts + 8), Vector128.Load(ends + 8)) << 8);

        uint Fits(Vector256<ulong> start, Vector256<ulong> end) =>
            (Vector256.GreaterThan(start, end) & Vector256.GreaterThanOrEqual(start - end, Vector256.Create(lengthBytes))).ExtractMostSignificantBits();

        uint FitsPair(Vector128<ulong> start, Vector128<ulong> end) =>
            (Vector128.GreaterThan(start, end) & Vector128.GreaterThanOrEqual(start - end, Vector128.Create(lengthBytes))).ExtractMostSignificantBits();
    }

    /// <summary>Moves the words from a slot on up by one, and writes one there. The tenth is lost.</summary>
    /// <param name="column">The column.</param>
    /// <param name="slot">0..9.</param>
    /// <param name="word">What comes there.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Insert(VmAreaNodeSlots* column, int slot, ulong word)
    {
        // SAFETY: ten words from the column's first.
        ulong* words = (ulong*)column;
        Vector256<ulong> low = Merge(Vector256.Load(words), Vector256.Shuffle(Vector256.Load(words), Vector256.Create(0UL, 0, 1, 2)), Vector256.Create(0UL, 1, 2, 3));
        Vector256<ulong> middle = Merge(Vector256.Load(words + 4), Vector256.Load(words + 3), Vector256.Create(4UL, 5, 6, 7));
        Vector128<ulong> numbers = Vector128.Create(8UL, 9);
        Vector128<ulong> here = Vector128.Create((ulong)(uint)slot);
        Vector128<ulong> high = Vector128.ConditionalSelect(Vector128.LessThan(numbers, here), Vector128.Load(words + 8), Vector128.Load(words + 7));
        high = Vector128.ConditionalSelect(Vector128.Equals(numbers, here), Vector128.Create(word), high);
        low.Store(words);
        middle.Store(words + 4);
        high.Store(words + 8);

        Vector256<ulong> Merge(Vector256<ulong> old, Vector256<ulong> moved, Vector256<ulong> number)
        {
            Vector256<ulong> at = Vector256.Create((ulong)(uint)slot);
            Vector256<ulong> merged = Vector256.ConditionalSelect(Vector256.LessThan(number, at), old, moved);
            return Vector256.ConditionalSelect(Vector256.Equals(number, at), Vector256.Create(word), merged);
        }
    }

    /// <summary>Takes one or two words out: those above come down. What is left above the last is of no meaning.</summary>
    /// <param name="column">The column.</param>
    /// <param name="slot">The first that goes: 0..9.</param>
    /// <param name="count">1 or 2.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Remove(VmAreaNodeSlots* column, int slot, int count)
    {
        // SAFETY: with two at most no vector ends above the tenth word.
        ulong* words = (ulong*)column;
        Vector256<ulong> at = Vector256.Create((ulong)(uint)slot);
        Vector256<ulong> low = Vector256.ConditionalSelect(
            Vector256.LessThan(Vector256.Create(0UL, 1, 2, 3), at), Vector256.Load(words), Vector256.Load(words + count));
        Vector256<ulong> middle = Vector256.ConditionalSelect(
            Vector256.LessThan(Vector256.Create(4UL, 5, 6, 7), at), Vector256.Load(words + 4), Vector256.Load(words + 4 + count));
        Vector128<ulong> high = Vector128.Load(words + 8);
        low.Store(words);
        middle.Store(words + 4);
        Vector128.Create(slot <= 8 ? high[1] : high[0], high[1]).Store(words + 8);
    }
}
