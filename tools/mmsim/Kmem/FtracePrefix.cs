// What stands before an event's name in a line of ftrace text:
//
//     %16s-%-7d [%03d] FLAGS SECONDS.MICROSECONDS:
//
// The task's name is at most 15 bytes, right-aligned in 16, and may hold anything: blanks, brackets, hyphens. So byte 16 is
// the hyphen before the process id, and only where it is not (another program wrote the text) is the first place taken from
// which the line parses. The flags may be absent (option noirq-info), the process's group may stand in parentheses after its
// id (record-tgid), and the clock may count whole numbers (x86-tsc, counter).

namespace Mmsim.Kmem;

/// <summary>Reads task, CPU and time of an event.</summary>
internal static class FtracePrefix
{
    /// <summary>Bytes that the kernel's own columns have for the task's name.</summary>
    public const int NameBytes = 16;

    /// <summary>Reads from the hyphen before the process id to the event's name: its CPU and time.</summary>
    public static bool TryRead(ref FieldCursor cursor, scoped ref KmemEvent parsed)
    {
        if (!cursor.TryTake((byte)'-') || !cursor.TryTakeDecimal(out _))
        {
            return false;
        }

        cursor.SkipBlanks();
        if (cursor.Current == (byte)'(')
        {
            int close = cursor.Rest.IndexOf(") "u8);
            if (close < 0 || close > NameBytes)
            {
                return false;
            }

            cursor = new FieldCursor(cursor.Rest, close + 1);
            cursor.SkipBlanks();
        }

        if (!cursor.TryTake((byte)'[') || !cursor.TryTakeDecimal(out ulong cpu) || !cursor.TryTake((byte)']') || cpu > ushort.MaxValue)
        {
            return false;
        }

        parsed.Cpu = (ushort)cpu;
        cursor.SkipBlanks();
        FieldCursor before = cursor;
        if (TryReadTime(ref cursor, out parsed.Time))
        {
            return true;
        }

        cursor = before;
        cursor.TakeWord();
        cursor.SkipBlanks();
        return TryReadTime(ref cursor, out parsed.Time);
    }

    // SECONDS.FRACTION or a whole number, a colon and a blank.
    private static bool TryReadTime(ref FieldCursor cursor, out ulong time)
    {
        if (!cursor.TryTakeDecimal(out time))
        {
            return false;
        }

        if (cursor.TryTake((byte)'.'))
        {
            int start = cursor.Position;
            if (!cursor.TryTakeDecimal(out ulong fraction))
            {
                return false;
            }

            int digits = cursor.Position - start;
            for (; digits < 6; digits++)
            {
                fraction *= 10;
            }

            for (; digits > 6; digits--)
            {
                fraction /= 10;
            }

            time = unchecked((time * 1_000_000) + fraction);
        }

        if (!cursor.TryTake((byte)':'))
        {
            return false;
        }

        cursor.SkipBlanks();
        return true;
    }

    /// <summary>Finds the prefix in another writer's columns: at the first hyphen from which the rest parses.</summary>
    public static bool TryFind(ReadOnlySpan<byte> text, out FieldCursor cursor, scoped ref KmemEvent parsed)
    {
        for (int at = text.IndexOf((byte)'-'); at >= 0 && at < text.Length;)
        {
            cursor = new FieldCursor(text, at);
            if (at > 0 && TryRead(ref cursor, ref parsed))
            {
                return true;
            }

            int next = text[(at + 1)..].IndexOf((byte)'-');
            at = next < 0 ? -1 : at + 1 + next;
        }

        cursor = default;
        return false;
    }
}
