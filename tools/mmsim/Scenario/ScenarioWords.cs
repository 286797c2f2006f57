using Engine.Arm64.Processes;
using Mmsim.Cli;

namespace Mmsim.Scenario;

/// <summary>The words of one line, taken from left to right. What is not as expected is an <see cref="InputException"/> with file and line.</summary>
internal sealed class ScenarioWords
{
    private const int NameLengthMax = 23;
    private readonly string file;
    private readonly string[] words;
    private int next;

    public ScenarioWords(string file, int line, string text)
    {
        this.file = file;
        Line = line;
        int comment = text.IndexOf('#', StringComparison.Ordinal);
        words = (comment < 0 ? text : text[..comment]).Split([' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
    }

    public int Line { get; }

    public bool IsEmpty => words.Length == 0;

    public bool HasMore => next < words.Length;

    public InputException Error(string wrong, string? expected = null) => new(file, Line, wrong, expected);

    public string Next(string what) => HasMore ? words[next++] : throw Error("the line ends too early", what);

    public string NextName(string what)
    {
        string name = Next(what);
        bool isName = name.Length <= NameLengthMax && name.All(char.IsAsciiLetterOrDigit);
        return isName ? name : throw Error($"'{name}' is no name", $"{what}: letters and digits, at most {NameLengthMax}");
    }

    public long NextNumber(string what, long min = int.MinValue, long max = long.MaxValue >> 13)
    {
        string word = Next(what);
        if (!TryParseNumber(word, out long value))
        {
            throw Error($"'{word}' is not a number", what);
        }

        return value >= min && value <= max ? value : throw Error($"{what}: {value} is out of range", $"{min} to {max}");
    }

    // As strtol does for the programs that run scripts on a kernel: 0x begins a hexadecimal number, another 0 an octal one.
    private static bool TryParseNumber(string word, out long value)
    {
        bool isNegative = word.StartsWith('-');
        ReadOnlySpan<char> digits = word.AsSpan(isNegative || word.StartsWith('+') ? 1 : 0);
        bool isHex = digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        int radix = isHex ? 16 : digits.StartsWith("0") ? 8 : 10;
        digits = digits[(isHex ? 2 : 0)..];
        Int128 magnitude = 0;
        bool isNumber = !digits.IsEmpty;
        foreach (char letter in digits)
        {
            int digit = char.IsAsciiHexDigit(letter) ? Convert.ToInt32(letter.ToString(), 16) : radix;
            isNumber &= digit < radix;
            magnitude = Int128.Min((magnitude * radix) + digit, (Int128)long.MaxValue + 1);
        }

        value = (long)Int128.Clamp(isNegative ? -magnitude : magnitude, long.MinValue, long.MaxValue);
        return isNumber;
    }

    public bool Accept(string word)
    {
        bool isNext = HasMore && words[next] == word;
        next += isNext ? 1 : 0;
        return isNext;
    }

    public void ExpectEnd()
    {
        if (HasMore)
        {
            throw Error($"unexpected '{words[next]}'", "the end of the line");
        }
    }

    public MemoryProtection NextProtection()
    {
        string word = Next("a protection");
        if (word == "none")
        {
            return MemoryProtection.None;
        }

        MemoryProtection protection = MemoryProtection.None;
        foreach (char letter in word)
        {
            protection |= letter switch
            {
                'r' => MemoryProtection.Read,
                'w' => MemoryProtection.Write,
                'x' => MemoryProtection.Exec,
                _ => throw Error($"'{word}' is no protection", "none, or letters of rwx"),
            };
        }

        return protection;
    }

    public MemoryAdvice NextAdvice()
    {
        string word = Next("an advice");
        return word switch
        {
            "normal" => MemoryAdvice.Normal,
            "random" => MemoryAdvice.Random,
            "sequential" => MemoryAdvice.Sequential,
            "willneed" => MemoryAdvice.WillNeed,
            "dontneed" => MemoryAdvice.DontNeed,
            "free" => MemoryAdvice.Free,
            "remove" => MemoryAdvice.Remove,
            "dontfork" => MemoryAdvice.DontFork,
            "dofork" => MemoryAdvice.DoFork,
            "mergeable" => MemoryAdvice.Mergeable,
            "unmergeable" => MemoryAdvice.Unmergeable,
            "hugepage" => MemoryAdvice.HugePage,
            "nohugepage" => MemoryAdvice.NoHugePage,
            "dontdump" => MemoryAdvice.DontDump,
            "dodump" => MemoryAdvice.DoDump,
            "wipeonfork" => MemoryAdvice.WipeOnFork,
            "keeponfork" => MemoryAdvice.KeepOnFork,
            "cold" => MemoryAdvice.Cold,
            "pageout" => MemoryAdvice.PageOut,
            "populate_read" => MemoryAdvice.PopulateRead,
            "populate_write" => MemoryAdvice.PopulateWrite,
            "dontneed_locked" => MemoryAdvice.DontNeedLocked,
            "collapse" => MemoryAdvice.Collapse,
            _ => throw Error($"unknown advice '{word}'", "normal, random, dontneed, ..."),
        };
    }
}
