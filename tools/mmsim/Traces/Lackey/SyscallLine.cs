// The lines that valgrind prints about system calls (coregrind/m_syswrap/syswrap-main.c) and about itself:
//
//   SYSCALL[pid,tid](nr) sys_name ( arg, arg, … ) --> [pre-success] Success(0x0)     decided before the kernel was asked
//   SYSCALL[pid,tid](nr) sys_name ( arg, arg, … )[sync] --> Failure(0x2)             the kernel was asked and did not block
//   SYSCALL[pid,tid](nr) sys_name ( arg, arg, … ) --> [async] ...                    may block: the result comes on its own line
//   SYSCALL[pid,tid](nr) ... [async] --> Success(0x4)
//   SYSCALL[pid,tid](nr) unimplemented (by the kernel) syscall: nr! (ni_syscall)     the result comes on the next line
//    --> [pre-fail] Failure(0x26)
//   ==pid== …, --pid-- …, **pid** …                                                  valgrind's own text
//      fork: process p created child q                                              printed in the middle of a call
//
// Arguments are decimal, 0x hexadecimal, or (arch_prctl) bare hexadecimal; a pointer to a path is followed by the path in
// brackets. What follows an argument that cannot be read is left out: calls that matter here have plain numbers.

using System.Buffers;
using System.Globalization;
using System.Text;

namespace Mmsim.Traces.Lackey;

/// <summary>Parses the lines of a lackey log that are not access records.</summary>
internal static class SyscallLine
{
    private const string Marker = "SYSCALL[";
    private const string Arrow = "--> ";

    // No call has as many arguments, no name or path is as long; a line may be anything.
    private const int NameLengthMax = 64;
    private const int PathLengthMax = 4096;
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    /// <summary>Parses a line that is not a record.</summary>
    /// <param name="line">The line without its end.</param>
    /// <param name="recordInBlock">How many records of its block come before it.</param>
    /// <returns>What the line says, or null if it is not a line of a lackey log.</returns>
    public static SpecialLine? Parse(ReadOnlySpan<byte> line, int recordInBlock)
    {
        if (line.StartsWith("SYSCALL["u8))
        {
            return ParseCall(Encoding.UTF8.GetString(line), recordInBlock);
        }

        if (IsOwnText(line))
        {
            return new SpecialLine(SpecialLineKind.Ignored, recordInBlock, 0, 0, 0, "", [], SyscallOutcome.Unfinished, 0);
        }

        ReadOnlySpan<byte> trimmed = line.TrimStart((byte)' ');
        if (trimmed.StartsWith("--> ["u8) || trimmed.StartsWith("[sync] --> "u8))
        {
            string text = Encoding.UTF8.GetString(trimmed);
            (SyscallOutcome outcome, ulong result) = ParseResult(text);
            SpecialLineKind kind = outcome == SyscallOutcome.Unfinished ? SpecialLineKind.Ignored : SpecialLineKind.ResultOnly;
            return new SpecialLine(kind, recordInBlock, 0, 0, 0, "", [], outcome, result);
        }

        return null;
    }

    // ==26158==, --26158--, **26158**, and what fork and clone print in the middle of their own line.
    private static bool IsOwnText(ReadOnlySpan<byte> line)
    {
        if (line.StartsWith("   fork: process "u8) || line.StartsWith("   clone(fork): process "u8) || line.StartsWith("   vfork: process "u8))
        {
            return true;
        }

        if (line.Length < 5 || line[0] is not ((byte)'=' or (byte)'-' or (byte)'*') || line[1] != line[0])
        {
            return false;
        }

        ReadOnlySpan<byte> rest = line[2..];
        int digits = rest.IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        return digits > 0 && digits + 1 < rest.Length && rest[digits] == line[0] && rest[digits + 1] == line[0];
    }

    private static SpecialLine? ParseCall(string line, int recordInBlock)
    {
        int at = Marker.Length;
        if (!TakeNumber(line, ref at, out uint process) || !Take(line, ref at, ",") || !TakeNumber(line, ref at, out uint thread)
            || !Take(line, ref at, "](") || !TakeNumber(line, ref at, out uint number) || !Take(line, ref at, ")"))
        {
            return null;
        }

        string body = line[at..].Trim();
        int arrow = body.LastIndexOf(Arrow, StringComparison.Ordinal);
        (SyscallOutcome outcome, ulong result) = arrow < 0 ? (SyscallOutcome.Unfinished, 0) : ParseResult(body[arrow..]);
        string call = arrow < 0 ? body : body[..arrow];
        if (call.StartsWith("...", StringComparison.Ordinal))
        {
            return new SpecialLine(SpecialLineKind.Finished, recordInBlock, process, thread, number, "", [], outcome, result);
        }

        SpecialLineKind kind = outcome == SyscallOutcome.Unfinished ? SpecialLineKind.Started : SpecialLineKind.Whole;
        (ulong[] args, string? path) = ParseArgs(call);
        return new SpecialLine(kind, recordInBlock, process, thread, number, ParseName(call), args, outcome, result) { Path = path };
    }

    // "sys_fcntl[ARG3=='lock'] ( 4, …" is fcntl; "unimplemented (by the kernel) syscall: 334! …" has no name.
    private static string ParseName(string call)
    {
        int length = 0;
        while (length < Math.Min(call.Length, NameLengthMax) && (char.IsAsciiLetterOrDigit(call[length]) || call[length] == '_'))
        {
            length++;
        }

        string name = call[..length];
        return name switch
        {
            "unimplemented" => "",
            _ when name.StartsWith("sys_", StringComparison.Ordinal) => name[4..],
            _ => name,
        };
    }

    private static (ulong[] Args, string? Path) ParseArgs(string call)
    {
        string? path = null;
        List<ulong> args = [];
        int at = call.IndexOf('(', StringComparison.Ordinal) + 1;
        if (at == 0 || call.StartsWith("unimplemented", StringComparison.Ordinal))
        {
            return ([], null);
        }

        while (true)
        {
            at += call.AsSpan(at).Length - call.AsSpan(at).TrimStart(' ').Length;
            int end = at;
            while (end < call.Length && (char.IsAsciiLetterOrDigit(call[end]) || call[end] == '-'))
            {
                end++;
            }

            if (args.Count == SyscallEvent.ArgsMax || !TryArg(call.AsSpan(at..end), out ulong value))
            {
                return ([.. args], path);
            }

            args.Add(value);
            if (end < call.Length && call[end] == '(')
            {
                int close = EndOfPath(call, end);
                path ??= call[(end + 1)..Math.Min(close, end + 1 + PathLengthMax)];
                end = close + 1;
            }

            if (!call.AsSpan(Math.Min(end, call.Length)).StartsWith(", ", StringComparison.Ordinal))
            {
                return ([.. args], path);
            }

            at = end + 2;
        }
    }

    // A path may hold commas and brackets: it ends at the first bracket that is followed by what follows an argument.
    private static int EndOfPath(string call, int open)
    {
        for (int close = open + 1; close < call.Length; close++)
        {
            ReadOnlySpan<char> behind = call.AsSpan(close + 1 < call.Length ? close + 1 : call.Length);
            if (call[close] == ')' && (behind.Length == 0 || behind.StartsWith(", ", StringComparison.Ordinal) || behind.StartsWith(" )", StringComparison.Ordinal)))
            {
                return close;
            }
        }

        return call.Length;
    }

    private static bool TryArg(ReadOnlySpan<char> text, out ulong value)
    {
        value = 0;
        if (text.StartsWith("0x", StringComparison.Ordinal))
        {
            return ulong.TryParse(text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
        }

        if (text.StartsWith("-", StringComparison.Ordinal) && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long negative))
        {
            value = unchecked((ulong)negative);
            return true;
        }

        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value)
            || ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }

    // "--> [pre-success] Success(0x4035000) ", "--> [pre-fail] Failure(0x26) ", "--> [async] ... "
    private static (SyscallOutcome Outcome, ulong Result) ParseResult(string text)
    {
        foreach ((string word, SyscallOutcome outcome) in new[] { ("Success(0x", SyscallOutcome.Success), ("Failure(0x", SyscallOutcome.Failure) })
        {
            int start = text.IndexOf(word, StringComparison.Ordinal);
            if (start < 0)
            {
                continue;
            }

            ReadOnlySpan<char> rest = text.AsSpan(start + word.Length);
            int digits = rest.IndexOfAnyExcept(HexDigits);
            if (digits > 0 && ulong.TryParse(rest[..digits], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong result))
            {
                return (outcome, result);
            }
        }

        return (SyscallOutcome.Unfinished, 0);
    }

    private static bool TakeNumber(string line, ref int at, out uint value)
    {
        int end = at;
        while (end < line.Length && char.IsAsciiDigit(line[end]))
        {
            end++;
        }

        bool isNumber = uint.TryParse(line.AsSpan(at..end), NumberStyles.None, CultureInfo.InvariantCulture, out value);
        at = end;
        return isNumber;
    }

    private static bool Take(string line, ref int at, string expected)
    {
        bool isThere = line.AsSpan(at).StartsWith(expected, StringComparison.Ordinal);
        at += isThere ? expected.Length : 0;
        return isThere;
    }
}
