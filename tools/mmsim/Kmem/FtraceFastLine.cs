// The usual form of a line, at fixed places, without a search: nearly all lines of a trace have it.
//
//     0               16       25  29    36   42      51
//     |            bash-9669    [001] .....  2811.657946: mm_page_alloc: page=0000000000000000 pfn=0x18226a order=0 ...
//
// Eight bytes are compared at a time, and no line's end is searched for: where a line of this form ends follows from its
// fields. The process id and the seconds are those of the line before more often than not, and are looked at only where they
// differ from it.
//
// A line that differs anywhere (a longer process id, other columns, another clock, an event of another kind, a bad number)
// is refused here and read by FtraceText, which knows all forms and says what is wrong. So nothing here decides what is
// accepted, only how fast.

using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Engine.Core.Units;

namespace Mmsim.Kmem;

/// <summary>Reads lines of the usual form.</summary>
internal sealed class FtraceFastLine
{
    /// <summary>How far a line's fixed fields may reach, and a load of eight bytes at the last of them: a text has to be as long.</summary>
    public const int Reach = 160;

    private const int NameAt = 51;

    // From the event's colon to the frame number's digits: ": page=" 16 digits " pfn=0x".
    private const int PageBytes = 7 + 16 + 7;

    private const ulong SevenBytes = ulong.MaxValue >> 8;

    // Texts as the loads see them, the first byte lowest.
    private const ulong PageKey = 0x003d65676170203a; // ": page="
    private const ulong PfnKey = 0x0078303d6e667020; // " pfn=0x"
    private const ulong EventStart = 0x5f656761705f6d6d; // "mm_page_"
    private const ulong Free = 0x0000003a65657266; // "free:"
    private const ulong FreeBatched1 = 0x7461625f65657266; // "free_bat"
    private const ulong FreeBatched2 = 0x646568637461625f; // "_batched"
    private const ulong Alloc = 0x00003a636f6c6c61; // "alloc:"
    private const ulong PcpuDrain1 = 0x6172645f75706370; // "pcpu_dra"
    private const ulong PcpuDrain2 = 0x6e696172645f7570; // "pu_drain"
    private const ulong ZoneLocked1 = 0x6f7a5f636f6c6c61; // "alloc_zo"
    private const ulong ZoneLocked2 = 0x656b636f6c5f656e; // "ne_locke"
    private const ulong ZoneLocked3 = 0x64656b636f6c5f65; // "e_locked"
    private const ulong OrderKey = 0x003d726564726f20; // " order="
    private const ulong TypeKey1 = 0x6574617267696d20; // " migrate"
    private const ulong TypeKey2 = 0x003d657079746574; // "tetype="
    private const ulong FlagsKey1 = 0x616c665f70666720; // " gfp_fla"
    private const ulong FlagsKey2 = 0x3d7367616c665f70; // "p_flags="
    private const ulong RefillKey1 = 0x5f75706372657020; // " percpu_"
    private const ulong RefillKey2 = 0x3d6c6c696665725f; // "_refill="

    private ulong knownProcess;
    private ulong knownSeconds;
    private ulong knownMicroseconds;

    /// <summary>Reads the line that a text begins with.</summary>
    /// <param name="text">The line and what follows it, <see cref="Reach"/> bytes or more.</param>
    /// <param name="parsed">The event; its flags are not looked up yet.</param>
    /// <param name="end">
    /// Where the line's break is, or of an allocation: where the flags' text begins, which reaches to the break.
    /// </param>
    /// <returns>False where the line has another form; what is in <paramref name="parsed"/> means nothing then.</returns>
    public bool TryRead(ReadOnlySpan<byte> text, out KmemEvent parsed, out int end)
    {
        parsed = default;
        end = 0;
        Debug.Assert(text.Length >= Reach, "the text is shorter than the loads below reach");
        ref byte line = ref MemoryMarshal.GetReference(text);
        if (!TryReadPrefix(ref line, ref parsed))
        {
            return false;
        }

        parsed.Kind = ReadKind(ref line, out int at);
        if (parsed.Kind == KmemEventKind.Other || HasBreak(ref line, at + 7)
            || (Load(ref line, at) & SevenBytes) != PageKey || (Load(ref line, at + 23) & SevenBytes) != PfnKey)
        {
            return false;
        }

        at += PageBytes;
        return TryReadFrame(ref line, ref at, out parsed.Pfn) && TryReadOrder(ref line, ref at, out parsed.Order) && TryReadRest(ref line, at, ref parsed, out end);
    }

    // The lowest byte; the others are dropped on purpose.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte Low(ulong value) => unchecked((byte)value);

    // SAFETY: the text is Reach bytes long or longer, and no place that callers pass is more than Reach - 8: the longest name ends at 76,
    // the frame number's digits at 114, the order at 123, the migrate type at 137, and what follows it at 152.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Load(ref byte line, int at) => Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref line, at));

    // Columns 16 to 50: the hyphen, the process id in 7, the CPU, five flags, the time.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryReadPrefix(ref byte line, ref KmemEvent parsed)
    {
        ulong process = Load(ref line, 16);
        ulong cpu = Load(ref line, 24);
        ulong seconds = Load(ref line, 36) & SevenBytes;
        ulong fraction = Load(ref line, 43);
        ulong flags = Load(ref line, 31) & (ulong.MaxValue >> 24);
        if (HasZeroOfFive(flags ^ 0x20_2020_2020) || HasZeroOfFive(flags ^ 0x0a_0a0a_0a0a) || (process != knownProcess && !IsProcess(process)) || (cpu & 0x00ff_ff00_0000_ffff) != 0x0020_5d00_0000_5b20
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

    // Whether a line's break is in the task's name or among the page's digits, the two fields of which nothing else is looked at.
    // SAFETY: as of Load.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool HasBreak(ref byte line, int pageAt)
    {
        Vector128<byte> name = Vector128.LoadUnsafe(ref line);
        Vector128<byte> page = Vector128.LoadUnsafe(ref line, (nuint)pageAt);
        Vector128<byte> lineBreak = Vector128.Create((byte)'\n');
        return (Vector128.Equals(name, lineBreak) | Vector128.Equals(page, lineBreak)) != Vector128<byte>.Zero;
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
    private static KmemEventKind ReadKind(ref byte line, out int at)
    {
        at = 0;
        if (Load(ref line, NameAt) != EventStart)
        {
            return KmemEventKind.Other;
        }

        ulong name = Load(ref line, NameAt + 8);
        if ((name & (ulong.MaxValue >> 24)) == (Free & (ulong.MaxValue >> 24)))
        {
            at = NameAt + 12;
            return KmemEventKind.Free;
        }

        if (name == FreeBatched1)
        {
            at = NameAt + 20;
            return Load(ref line, NameAt + 12) == FreeBatched2 ? KmemEventKind.FreeBatched : KmemEventKind.Other;
        }

        if ((name & (ulong.MaxValue >> 16)) == (Alloc & (ulong.MaxValue >> 16)))
        {
            at = NameAt + 13;
            return KmemEventKind.Alloc;
        }

        if (name == PcpuDrain1)
        {
            at = NameAt + 18;
            return Load(ref line, NameAt + 10) == PcpuDrain2 ? KmemEventKind.PcpuDrain : KmemEventKind.Other;
        }

        at = NameAt + 25;
        return name == ZoneLocked1 && Load(ref line, NameAt + 16) == ZoneLocked2 && Load(ref line, NameAt + 17) == ZoneLocked3
            ? KmemEventKind.ZoneLocked
            : KmemEventKind.Other;
    }

    // Hexadecimal digits in lower case, at most eight: what the blank behind them leaves of the eight bytes is moved to their end,
    // and zeros are put before. A byte is a digit where it lies in 30..39 or in 61..66; all are below 80 or none of this holds.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryReadFrame(ref byte line, ref int at, out uint pfn)
    {
        unchecked
        {
            ulong digits = Load(ref line, at);
            ulong blanks = digits ^ 0x2020_2020_2020_2020;
            int bits = BitOperations.TrailingZeroCount((blanks - 0x0101_0101_0101_0101) & ~blanks & 0x8080_8080_8080_8080) & ~7;
            at += bits >> 3;

            // A shift of 64 is no shift: then the blank is the ninth byte, or missing.
            digits = bits == 0 ? 0 : (digits << (64 - bits)) | (0x3030_3030_3030_3030 & (bits == 64 ? 0 : ulong.MaxValue >> bits));
            ulong decimals = (digits + 0x5050_5050_5050_5050) & ~(digits + 0x4646_4646_4646_4646);
            ulong letters = (digits + 0x1f1f_1f1f_1f1f_1f1f) & ~(digits + 0x1919_1919_1919_1919);
            bool isNumber = ((decimals | letters) & ~digits & 0x8080_8080_8080_8080) == 0x8080_8080_8080_8080;
            ulong nibbles = (digits & 0x0f0f_0f0f_0f0f_0f0f) + (((digits >> 6) & 0x0101_0101_0101_0101) * 9);
            ulong bytes = ((nibbles << 4) | (nibbles >> 8)) & 0x00ff_00ff_00ff_00ff;
            ulong halves = ((bytes << 8) | (bytes >> 16)) & 0x0000_ffff_0000_ffff;
            pfn = (uint)((halves << 16) | (halves >> 32));
            return isNumber && pfn != uint.MaxValue;
        }
    }

    // " order=" and one digit or 10.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryReadOrder(ref byte line, ref int at, out byte order)
    {
        ulong field = Load(ref line, at);
        uint digit = unchecked((uint)(field >> 56) - '0');
        order = Low(digit);
        at += 8;
        if ((field & SevenBytes) != OrderKey || digit > 9)
        {
            return false;
        }

        if (digit == 1 && Unsafe.Add(ref line, at) == '0')
        {
            order = Order.MaxValue;
            at++;
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryReadRest(ref byte line, int at, ref KmemEvent parsed, out int end)
    {
        end = at;
        if (parsed.Kind is KmemEventKind.Free or KmemEventKind.FreeBatched)
        {
            return Unsafe.Add(ref line, at) == '\n';
        }

        // " migratetype=" and one digit.
        ulong field = Load(ref line, at + 6);
        uint type = unchecked((uint)(field >> 56) - '0');
        parsed.MigrateType = Low(type);
        end = at + 14;
        if (Load(ref line, at) != TypeKey1 || (field & SevenBytes) != TypeKey2 || type > KmemCounts.MigrateTypeMax)
        {
            return false;
        }

        switch (parsed.Kind)
        {
            case KmemEventKind.Alloc:
                bool hasFlags = Load(ref line, end) == FlagsKey1 && Load(ref line, end + 3) == FlagsKey2;
                end += 11;
                return hasFlags;
            case KmemEventKind.ZoneLocked:
                uint refill = unchecked(Unsafe.Add(ref line, end + 15) - (uint)'0');
                bool hasRefill = Load(ref line, end) == RefillKey1 && Load(ref line, end + 7) == RefillKey2;
                parsed.IsRefill = refill == 1;
                end += 16;
                return hasRefill && refill <= 1 && Unsafe.Add(ref line, end) == '\n';
            default:
                return Unsafe.Add(ref line, end) == '\n';
        }
    }
}
