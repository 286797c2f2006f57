using System.Runtime.CompilerServices;

namespace Mmsim.Kmem;

/// <summary>A place in a line of text that moves forward over blanks, words and numbers. Nothing here throws on bad text.</summary>
internal ref struct FieldCursor
{
    private readonly ReadOnlySpan<byte> text;
    private int at;

    /// <summary>Starts at the text's first byte, or further on.</summary>
    public FieldCursor(ReadOnlySpan<byte> text, int at = 0)
    {
        this.text = text;
        this.at = at;
    }

    /// <summary>How far the cursor is, in bytes.</summary>
    public readonly int Position => at;

    /// <summary>What follows.</summary>
    public readonly ReadOnlySpan<byte> Rest => text[at..];

    /// <summary>Whether nothing follows.</summary>
    public readonly bool IsAtEnd => at >= text.Length;

    /// <summary>The next byte, or 0 at the end.</summary>
    public readonly byte Current => unchecked((uint)at) < (uint)text.Length ? text[at] : (byte)0;

    /// <summary>Passes over blanks.</summary>
    public void SkipBlanks()
    {
        while (Current == (byte)' ')
        {
            at++;
        }
    }

    /// <summary>Passes over one byte if it is this one.</summary>
    public bool TryTake(byte expected)
    {
        if (Current != expected)
        {
            return false;
        }

        at++;
        return true;
    }

    /// <summary>Takes the bytes up to the next blank or the end.</summary>
    public ReadOnlySpan<byte> TakeWord()
    {
        int start = at;
        while (unchecked((uint)at) < (uint)text.Length && text[at] != (byte)' ')
        {
            at++;
        }

        return text[start..at];
    }

    /// <summary>Moves behind <c>KEY=</c>, passing over fields with other keys.</summary>
    /// <param name="key">The key with its equals sign.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryFindKey(ReadOnlySpan<byte> key)
    {
        while (true)
        {
            SkipBlanks();
            if (Rest.StartsWith(key))
            {
                at += key.Length;
                return true;
            }

            if (IsAtEnd)
            {
                return false;
            }

            TakeWord();
        }
    }

    /// <summary>Takes a decimal number.</summary>
    /// <returns>False, where there is no digit, or too many for 64 bits.</returns>
    public bool TryTakeDecimal(out ulong value)
    {
        value = 0;
        int start = at;
        while (true)
        {
            uint digit = unchecked((uint)Current - '0');
            if (digit > 9)
            {
                return at > start && at - start <= 19;
            }

            value = unchecked((value * 10) + digit);
            at++;
        }
    }

    /// <summary>Takes a number that is hexadecimal after <c>0x</c> and decimal otherwise.</summary>
    public bool TryTakeNumber(out ulong value)
    {
        if (!Rest.StartsWith("0x"u8))
        {
            return TryTakeDecimal(out value);
        }

        at += 2;
        value = 0;
        int start = at;
        while (true)
        {
            int digit = HexDigit(Current);
            if (digit < 0)
            {
                return at > start && at - start <= 16;
            }

            value = (value << 4) | (uint)digit;
            at++;
        }
    }

    private static int HexDigit(byte character)
    {
        uint digit = unchecked((uint)character - '0');
        if (digit <= 9)
        {
            return (int)digit;
        }

        uint letter = unchecked(((uint)character | 0x20) - 'a');
        return letter <= 5 ? (int)letter + 10 : -1;
    }
}
