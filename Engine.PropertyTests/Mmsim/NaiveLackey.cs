using System.Globalization;
using System.Text.RegularExpressions;

namespace Engine.PropertyTests.MmsimTests;

/// <summary>The lines of a lackey log by regular expression: the parser that is obviously right.</summary>
internal sealed class NaiveLackey
{
    private static readonly Regex RecordForm = new("\\A(I  | [LSM] )([0-9a-f]{1,16}),([0-9]{1,4})\\z");
    private static readonly Regex LooseRecordForm = new("\\A(I  | [LSM] )([0-9a-fA-F]{1,16}),([0-9]{1,4})\\z");
    private static readonly Regex RecordPrefix = new("\\A(I  | [LSM] )");
    private static readonly Regex OtherForm = new(
        "\\A(SYSCALL\\[[0-9]+,[0-9]+\\]\\([0-9]+\\)|(==|--|\\*\\*)[0-9]+\\2| *--> \\[| *\\[sync\\] --> |   (fork|clone\\(fork\\)|vfork): process )");

    private readonly NaiveLackeyBug bug;

    public NaiveLackey(IEnumerable<string> lines, NaiveLackeyBug bug = NaiveLackeyBug.None)
    {
        this.bug = bug;
        int number = 0;
        foreach (string line in lines)
        {
            number++;
            if (!TryTake(line))
            {
                WrongLine = number;
                return;
            }
        }
    }

    /// <summary>The packed accesses up to the first wrong line.</summary>
    public List<ulong> Words { get; } = [];

    /// <summary>How many other lines there are up to there.</summary>
    public int Others { get; private set; }

    /// <summary>The first wrong line, from 1, or null.</summary>
    public int? WrongLine { get; private set; }

    private bool TryTake(string line)
    {
        if (!RecordPrefix.IsMatch(line))
        {
            Others += OtherForm.IsMatch(line) ? 1 : 0;
            return OtherForm.IsMatch(line);
        }

        Match match = (bug == NaiveLackeyBug.UpperCase ? LooseRecordForm : RecordForm).Match(line);
        if (!match.Success)
        {
            return false;
        }

        ulong address = ulong.Parse(match.Groups[2].Value, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        int size = int.Parse(match.Groups[3].Value, CultureInfo.InvariantCulture);
        bool isCanonical = address >> 48 is 0 or 0xffff;
        if (!isCanonical || size > 1023 || (size == 0 && bug != NaiveLackeyBug.SizeZero))
        {
            return false;
        }

        ulong kind = (ulong)"I LSM".Replace(" ", "", StringComparison.Ordinal).IndexOf(line.Trim()[0], StringComparison.Ordinal);
        Words.Add(unchecked((address << 12) | ((ulong)(uint)size << 2) | kind));
        return true;
    }
}
