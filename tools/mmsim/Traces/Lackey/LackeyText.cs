// The fast parser. Nearly all lines of a lackey log have one of two shapes, told apart by where the comma is:
//
//   0  1  2  3 ..... 10 11 12 13            0  1  2  3 ......... 12 13 14 15
//   I  .  .  0 4 0 1 ab  ,  3  \n            .  S  .  1 f f f 0 0 0 cd8  ,  8  \n
//
// Branching on the shape lets the CPU predict where the next line begins; finding the comma would make every line wait for
// the one before. Within a shape everything is checked at once, without a branch: the fixed characters by one compare, the
// digits by their values. A hexadecimal digit's value is the smaller of two candidates, (c - '0') and (c - 'a' + 10), each of
// which is made to come out large where it does not apply. Shuffled into place, the nibbles are packed by one PEXT.
//
// Whatever is not exactly so, a size of two digits or a line that is no record, goes to LackeyRecord and SyscallLine.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Mmsim.Traces.Blocks;

namespace Mmsim.Traces.Lackey;

/// <summary>Parses blocks of a lackey log.</summary>
internal static class LackeyText
{
    private const int ShortCommaAt = 11;
    private const int LongCommaAt = 13;
    private const int ShortLineBytes = 14;
    private const int LongLineBytes = 16;
    private const uint AllLanes = 0xffff;
    private const byte Any = 0xff;
    private const byte Hex = 15;

    // What the first two characters of a record are, by kind: "I ", " L", " S", " M", 16 bits each.
    private const ulong PrefixOfKind = 0x4d20_5320_4c20_2049;

    /// <summary>Parses the block's text into its records and its other lines, up to the first that is wrong.</summary>
    public static void Parse(TraceBlock block)
    {
        ReadOnlySpan<byte> text = block.Input.AsSpan(0, block.InputBytes);
        int at = 0;
        int count = 0;
        while (at < text.Length && block.Error is null)
        {
            at = ParseOrdinary(block, at, ref count);
            if (at < text.Length)
            {
                at = ParseUnusual(block, text, at, ref count);
            }
        }

        block.WordCount = count;
        block.Lines = count + block.Specials.Count;
    }

    // Runs of ordinary records: ends before the first line that is something else.
    private static int ParseOrdinary(TraceBlock block, int start, ref int count)
    {
        Vector128<byte> shortFixed = Vector128.Create(0, 0, (byte)' ', 0, 0, 0, 0, 0, 0, 0, 0, (byte)',', 0, (byte)'\n', 0, 0);
        Vector128<byte> shortFree = Vector128.Create(Any, Any, 0, Any, Any, Any, Any, Any, Any, Any, Any, 0, Any, 0, Any, Any);
        Vector128<byte> shortLimit = Vector128.Create(Any, Any, Any, Hex, Hex, Hex, Hex, Hex, Hex, Hex, Hex, Any, Any, Any, Any, Any);
        Vector128<byte> shortOrder = Vector128.Create((byte)10, 9, 8, 7, 6, 5, 4, 3, Any, Any, Any, Any, Any, Any, Any, Any);
        Vector128<byte> longFixed = Vector128.Create(0, 0, (byte)' ', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (byte)',', 0, (byte)'\n');
        Vector128<byte> longFree = Vector128.Create(Any, Any, 0, Any, Any, Any, Any, Any, Any, Any, Any, Any, Any, 0, Any, 0);
        Vector128<byte> longLimit = Vector128.Create(Any, Any, Any, Hex, Hex, Hex, Hex, Hex, Hex, Hex, Hex, Hex, Hex, Any, Any, Any);
        Vector128<byte> longOrder = Vector128.Create((byte)12, 11, 10, 9, 8, 7, 6, 5, 4, 3, Any, Any, Any, Any, Any, Any);

        ref byte text = ref MemoryMarshal.GetArrayDataReference(block.Input);
        ref ulong words = ref MemoryMarshal.GetArrayDataReference(block.Words);
        int end = block.InputBytes;
        int at = start;
        int index = count;
        while (at < end)
        {
            // SAFETY: at < InputBytes, and the array has SlackBytes (two vectors) behind InputBytes.
            ref byte line = ref Unsafe.Add(ref text, at);
            Vector128<byte> characters = Vector128.LoadUnsafe(ref line);
            Vector128<byte> nibbles = Nibbles(characters);
            uint prefix = Unsafe.ReadUnaligned<ushort>(ref line);
            uint kind = ((prefix >> 11) & 1) | ((prefix >> 7) & 2);
            uint wrong = ((uint)((PrefixOfKind >> (int)(kind * 16)) & 0xffff)) ^ prefix;
            ulong address;
            uint size;
            int bytes;
            if (Unsafe.Add(ref line, ShortCommaAt) == ',')
            {
                size = Unsafe.Add(ref line, ShortCommaAt + 1);
                bytes = ShortLineBytes;
                Vector128<byte> isRight = (Vector128.Equals(characters, shortFixed) | shortFree) & Vector128.Equals(Vector128.Min(nibbles, shortLimit), nibbles);
                wrong |= isRight.ExtractMostSignificantBits() ^ AllLanes;
                address = Pack(Vector128.ShuffleNative(nibbles, shortOrder).AsUInt64().ToScalar());
            }
            else
            {
                size = Unsafe.Add(ref line, LongCommaAt + 1);
                bytes = LongLineBytes;
                Vector128<byte> isRight = (Vector128.Equals(characters, longFixed) | longFree) & Vector128.Equals(Vector128.Min(nibbles, longLimit), nibbles);
                wrong |= isRight.ExtractMostSignificantBits() ^ AllLanes;
                Vector128<ulong> ordered = Vector128.ShuffleNative(nibbles, longOrder).AsUInt64();
                ulong high = ordered.GetElement(1);
                address = Pack(ordered.ToScalar()) | ((high & 0xf) << 32) | ((high & 0xf00) << 28);
            }

            if (wrong != 0 || unchecked(size - '1') > '9' - '1')
            {
                break;
            }

            // SAFETY: a record takes seven bytes of text or more, and Words has one element for each seven bytes.
            Unsafe.Add(ref words, index) = AccessWord.Pack(address, size - '0', kind);
            index++;
            at += bytes;
        }

        count = index;
        return at;
    }

    private static int ParseUnusual(TraceBlock block, ReadOnlySpan<byte> text, int at, ref int count)
    {
        // The text ends with a line's end.
        int length = text[at..].IndexOf((byte)'\n');
        ReadOnlySpan<byte> line = text.Slice(at, length);
        (string Wrong, string? Expected)? error = null;
        if (LackeyRecord.HasPrefix(line))
        {
            error = LackeyRecord.Parse(line, out ulong word);
            if (error is null)
            {
                block.Words[count] = word;
                count++;
            }
        }
        else if (SyscallLine.Parse(line, count) is { } special)
        {
            block.Specials.Add(special);
        }
        else
        {
            error = LackeyRecord.NotARecord(line);
        }

        if (error is { } found)
        {
            block.Error = new LineError(count + block.Specials.Count + 1, found.Wrong, found.Expected);
        }

        return at + length + 1;
    }

    // The value of each character as a lower-case hexadecimal digit; above 15 where it is none.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Nibbles(Vector128<byte> characters)
    {
        // '0'..'9' become 0xf6..0xff, everything else lies below; after the saturating step digits are 0xf0..0xf9.
        Vector128<byte> shifted = unchecked(characters + Vector128.Create((byte)(0xff - '9')));
        Vector128<byte> decimals = unchecked(Vector128.SubtractSaturate(shifted, Vector128.Create((byte)6)) - Vector128.Create((byte)0xf0));
        Vector128<byte> letters = Vector128.AddSaturate(unchecked(characters - Vector128.Create((byte)'a')), Vector128.Create((byte)10));
        return Vector128.Min(decimals, letters);
    }

    // Eight nibbles, a byte each and the least significant first, to 32 bits.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Pack(ulong nibbles)
    {
        if (Bmi2.X64.IsSupported)
        {
            return Bmi2.X64.ParallelBitExtract(nibbles, 0x0f0f_0f0f_0f0f_0f0f);
        }

        ulong bytes = (nibbles | (nibbles >> 4)) & 0x00ff_00ff_00ff_00ff;
        ulong halves = (bytes | (bytes >> 8)) & 0x0000_ffff_0000_ffff;
        return (halves | (halves >> 16)) & 0xffff_ffff;
    }
}
