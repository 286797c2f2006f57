// The usual form of a line, at fixed places, without a search: nearly all lines of a trace have it.
//
//     0               16       25  29    36   42      51
//     |            bash-9669    [001] .....  2811.657946: mm_page_alloc: page=0000000000000000 pfn=0x18226a order=0 ...
//
// Eight bytes are compared at a time. The process id and the seconds are those of the line before more often than not, and
// are looked at only where they differ from it.
//
// A line that differs anywhere (a longer process id, other columns, another clock, an event of another kind, a bad number)
// is refused here and read by FtraceText, which knows all forms and says what is wrong. So nothing here decides what is
// accepted, only how fast.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Engine.Core.Units;

namespace Mmsim.Kmem;

/// <summary>Reads lines of the usual form.</summary>
internal sealed class FtraceFastLine
{
    private const int NameAt = 51;

    // The shortest line of any kind: mm_page_free with a frame number of one digit. Nothing below reads past it unchecked.
    private const int LineBytesMin = NameAt + 12 + PageBytes + 1 + 8;

    // From the event's colon to the frame number's digits: ": page=" 16 digits " pfn=0x".
    private const int PageBytes = 7 + 16 + 7;

    private const ulong SevenBytes = ulong.MaxValue >> 8;

    private ulong knownProcess;
    private ulong knownSeconds;
    private ulong knownMicroseconds;

    /// <summary>Reads a line.</summary>
    /// <param name="line">The line without its line break.</param>
    /// <param name="parsed">The event; its flags are not looked up yet.</param>
    /// <param name="gfpAt">Of an allocation: where the flags' text begins; it reaches to the end of the line.</param>
    /// <returns>False where the line has another form; what is in <paramref name="parsed"/> means nothing then.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryRead(ReadOnlySpan<byte> line, out KmemEvent parsed, out int gfpAt)
    {
        parsed = default;
        gfpAt = 0;
        ref byte text = ref MemoryMarshal.GetReference(line);
        if (line.Length < LineBytesMin || !TryReadPrefix(ref text, ref parsed))
        {
            return false;
        }

        parsed.Kind = ReadKind(ref text, line, out int at);
        if (parsed.Kind == KmemEventKind.Other || line.Length < at + PageBytes + 9
            || (Load(ref text, at) & SevenBytes) != Word(": page=\0"u8) || (Load(ref text, at + 23) & SevenBytes) != Word(" pfn=0x\0"u8))
        {
            return false;
        }

        at += PageBytes;
        return TryReadFrame(ref text, line.Length, ref at, out parsed.Pfn)
            && TryReadOrder(ref text, line.Length, ref at, out parsed.Order)
            && TryReadRest(ref text, line, at, ref parsed, out gfpAt);
    }

    // The lowest byte; the others are dropped on purpose.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte Low(ulong value) => unchecked((byte)value);

    // SAFETY: callers pass a place of which eight bytes lie within the line: below LineBytesMin, or compared with its length.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Load(ref byte text, int at) => Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref text, at));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Word(ReadOnlySpan<byte> eight) => Unsafe.ReadUnaligned<ulong>(ref MemoryMarshal.GetReference(eight));

    // Columns 16 to 50: the hyphen, the process id in 7, the CPU, five flags, the time.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryReadPrefix(ref byte text, ref KmemEvent parsed)
    {
        ulong process = Load(ref text, 16);
        ulong cpu = Load(ref text, 24);
        ulong seconds = Load(ref text, 36) & SevenBytes;
        ulong fraction = Load(ref text, 43);
        ulong blanks = (Load(ref text, 31) & (ulong.MaxValue >> 24)) ^ 0x20_2020_2020;
        if (HasZeroOfFive(blanks) || (process != knownProcess && !IsProcess(process)) || (cpu & 0x00ff_ff00_0000_ffff) != 0x0020_5d00_0000_5b20
            || (seconds != knownSeconds && !TryReadSeconds(seconds)) || fraction >> 48 != 0x203a)
        {
            return false;
        }

        knownProcess = process;
        uint cpu0 = unchecked(Low(cpu >> 16) - (uint)'0');
        uint cpu1 = unchecked(Low(cpu >> 24) - (uint)'0');
        uint cpu2 = unchecked(Low(cpu >> 32) - (uint)'0');
        parsed.Cpu = unchecked((ushort)((((cpu0 * 10) + cpu1) * 10) + cpu2));
        bool isNumber = TryReadEight((fraction << 16) | 0x3030, out uint microseconds);
        parsed.Time = knownMicroseconds + microseconds;
        return isNumber && cpu0 <= 9 && cpu1 <= 9 && cpu2 <= 9;
    }

    // Whether one of the five lowest bytes is zero.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool HasZeroOfFive(ulong bytes) => (unchecked(bytes - 0x01_0101_0101) & ~bytes & 0x80_8080_8080) != 0;

    // A hyphen, one to seven digits, then blanks.
    private static bool IsProcess(ulong text)
    {
        if (Low(text) != '-' || !IsDigit(Low(text >> 8)))
        {
            return false;
        }

        int at = 2;
        for (text >>= 16; at < 8 && IsDigit(Low(text)); at++)
        {
            text >>= 8;
        }

        for (; at < 8 && Low(text) == ' '; at++)
        {
            text >>= 8;
        }

        return at == 8;
    }

    // A blank, the seconds right-aligned in five, a point.
    private bool TryReadSeconds(ulong text)
    {
        ulong rest = text >> 8;
        while (Low(rest) == ' ')
        {
            rest >>= 8;
        }

        ulong seconds = 0;
        int digits = 0;
        for (; IsDigit(Low(rest)); rest >>= 8)
        {
            seconds = (seconds * 10) + (Low(rest) - (uint)'0');
            digits++;
        }

        if (Low(text) != ' ' || digits == 0 || rest != '.')
        {
            return false;
        }

        knownSeconds = text;
        knownMicroseconds = seconds * 1_000_000;
        return true;
    }

    private static bool IsDigit(byte character) => unchecked((uint)character - '0') <= 9;

    // Eight decimal digits, the first in the lowest byte: pairs, then fours, then all of them in three multiplications.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryReadEight(ulong text, out uint value)
    {
        unchecked
        {
            ulong digits = text ^ 0x3030_3030_3030_3030;
            bool isNumber = ((digits | (digits + 0x7676_7676_7676_7676)) & 0x8080_8080_8080_8080) == 0;
            ulong pairs = (digits * 10) + (digits >> 8);
            ulong low = (pairs & 0x0000_00ff_0000_00ff) * 0x000f_4240_0000_0064;
            ulong high = ((pairs >> 16) & 0x0000_00ff_0000_00ff) * 0x0000_2710_0000_0001;
            value = (uint)((low + high) >> 32);
            return isNumber;
        }
    }

    // Which event; the place behind the name.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static KmemEventKind ReadKind(ref byte text, ReadOnlySpan<byte> line, out int at)
    {
        at = 0;
        if (Load(ref text, NameAt) != Word("mm_page_"u8))
        {
            return KmemEventKind.Other;
        }

        ulong name = Load(ref text, NameAt + 8);
        if ((name & (ulong.MaxValue >> 16)) == (Word("free: \0\0"u8) & (ulong.MaxValue >> 16)))
        {
            at = NameAt + 12;
            return KmemEventKind.Free;
        }

        if (name == Word("free_bat"u8) && Load(ref text, NameAt + 12) == Word("_batched"u8))
        {
            at = NameAt + 20;
            return KmemEventKind.FreeBatched;
        }

        if ((name & SevenBytes) == Word("alloc: \0"u8))
        {
            at = NameAt + 13;
            return KmemEventKind.Alloc;
        }

        if (line[NameAt..].StartsWith("mm_page_pcpu_drain:"u8))
        {
            at = NameAt + 18;
            return KmemEventKind.PcpuDrain;
        }

        at = NameAt + 25;
        return line[NameAt..].StartsWith("mm_page_alloc_zone_locked:"u8) ? KmemEventKind.ZoneLocked : KmemEventKind.Other;
    }

    // Hexadecimal digits in lower case, at most eight, and a blank.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryReadFrame(ref byte text, int length, ref int at, out uint pfn)
    {
        uint value = 0;
        int end = Math.Min(length, at + 8);
        int start = at;
        while (at < end)
        {
            uint character = Unsafe.Add(ref text, at);
            uint digit = unchecked(character - '0');
            if (digit > 9)
            {
                digit = unchecked(character - 'a' + 10);
                if (digit is < 10 or > 15)
                {
                    break;
                }
            }

            value = (value << 4) | digit;
            at++;
        }

        pfn = value;
        return at > start && value != uint.MaxValue;
    }

    // " order=" and one digit or 10.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryReadOrder(ref byte text, int length, ref int at, out byte order)
    {
        order = 0;
        if (length < at + 8)
        {
            return false;
        }

        ulong field = Load(ref text, at);
        uint digit = unchecked((uint)(field >> 56) - '0');
        order = Low(digit);
        at += 8;
        if ((field & SevenBytes) != Word(" order=\0"u8) || digit > 9)
        {
            return false;
        }

        if (digit == 1 && at < length && Unsafe.Add(ref text, at) == '0')
        {
            order = Order.MaxValue;
            at++;
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryReadRest(ref byte text, ReadOnlySpan<byte> line, int at, ref KmemEvent parsed, out int gfpAt)
    {
        gfpAt = 0;
        if (parsed.Kind is KmemEventKind.Free or KmemEventKind.FreeBatched)
        {
            return at == line.Length;
        }

        // " migratetype=" and one digit.
        if (line.Length < at + 14 || Load(ref text, at) != Word(" migrate"u8) || !line.Slice(at + 8, 5).SequenceEqual("type="u8))
        {
            return false;
        }

        uint type = unchecked((uint)line[at + 13] - '0');
        parsed.MigrateType = Low(type);
        at += 14;
        if (type > KmemCounts.MigrateTypeMax)
        {
            return false;
        }

        switch (parsed.Kind)
        {
            case KmemEventKind.Alloc:
                // " gfp_flags=" and what reaches to the end.
                gfpAt = at + 11;
                return line.Length > gfpAt && line.Slice(at, 11).SequenceEqual(" gfp_flags="u8) && line[^1] is not ((byte)'\r' or (byte)' ');
            case KmemEventKind.ZoneLocked:
                uint refill = line.Length == at + 16 ? unchecked((uint)line[at + 15] - '0') : 2;
                parsed.IsRefill = refill == 1;
                return refill <= 1 && line.Slice(at, 15).SequenceEqual(" percpu_refill="u8);
            default:
                return at == line.Length;
        }
    }
}
