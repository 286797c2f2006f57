// The command line's way to write a TLB hierarchy:
//
//     l1d=48:full,l1i=64:4:plru,l2=1280:5
//
// Levels are separated by commas. NAME is the letter l, a level number and, where the level serves one side only, i or d.
// ENTRIES:WAYS gives entries/ways sets, any number, with set = page number mod sets. POLICY is lru where left out. FILL is incl
// (FillPolicy.MostlyInclusive) where left out, or excl. Both may be given in any order.

using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Engine.Arm64.Tlb;

/// <summary>Reads the text form of a TLB hierarchy.</summary>
public static class TlbSpec
{
    private const string LevelForm = "NAME=ENTRIES:WAYS[:POLICY][:FILL], for example l1d=48:full or l2=1280:5:lru";

    /// <summary>Reads a hierarchy.</summary>
    /// <param name="text">For example <c>l1d=48:full,l2=1280:5</c>.</param>
    /// <param name="geometry">The hierarchy, where the text makes sense.</param>
    /// <param name="wrong">Otherwise what is wrong, in words.</param>
    /// <param name="expected">And what was expected instead.</param>
    public static bool TryParse(
        string text,
        [NotNullWhen(true)] out TlbGeometry? geometry,
        [NotNullWhen(false)] out string? wrong,
        [NotNullWhen(false)] out string? expected)
    {
        geometry = null;
        List<TlbLevelGeometry> levels = [];
        foreach (string part in text.Split(','))
        {
            if (!TryParseLevel(part.Trim(), out TlbLevelGeometry? level, out wrong, out expected))
            {
                return false;
            }

            levels.Add(level);
        }

        wrong = TlbGeometry.FindMisplaced(levels);
        expected = "one level for each number and side, and excl only behind another level";
        if (wrong is not null)
        {
            wrong = $"TLB '{text}': {wrong}";
            return false;
        }

        geometry = new TlbGeometry([.. levels]);
        return true;
    }

    private static bool TryParseLevel(
        string text,
        [NotNullWhen(true)] out TlbLevelGeometry? level,
        [NotNullWhen(false)] out string? wrong,
        [NotNullWhen(false)] out string? expected)
    {
        level = null;
        wrong = $"TLB level '{text}' cannot be read";
        expected = LevelForm;
        string[] sides = text.Split('=');
        if (sides.Length != 2)
        {
            return false;
        }

        if (!TryParseName(sides[0].Trim(), out int number, out TlbSides serves))
        {
            wrong = $"TLB level '{text}' has the unknown name '{sides[0]}'";
            expected = "l1d, l1i, l1, l2, l2d, … up to l9";
            return false;
        }

        string[] fields = sides[1].Split(':');
        if (fields.Length is < 2 or > 4)
        {
            return false;
        }

        if (!int.TryParse(fields[0], NumberStyles.None, CultureInfo.InvariantCulture, out int entries))
        {
            wrong = $"TLB level '{text}': '{fields[0]}' is not a number of entries";
            return false;
        }

        int ways = entries;
        if (fields[1] != "full" && !int.TryParse(fields[1], NumberStyles.None, CultureInfo.InvariantCulture, out ways))
        {
            wrong = $"TLB level '{text}': '{fields[1]}' is not a number of ways";
            expected = "a number that divides the entries, or full";
            return false;
        }

        ReplacementPolicy? policy = null;
        FillPolicy? fill = null;
        foreach (string word in fields[2..])
        {
            if (fill is null && TryParseFill(word, out FillPolicy filledBy))
            {
                fill = filledBy;
            }
            else if (policy is null && TryParsePolicy(word, out ReplacementPolicy replaced))
            {
                policy = replaced;
            }
            else
            {
                wrong = $"TLB level '{text}' has the unknown policy '{word}'";
                expected = "lru, plru, fifo or random; incl or excl";
                return false;
            }
        }

        if (TlbLevelGeometry.Check(number, serves, entries, ways) is string bad)
        {
            wrong = $"TLB level '{text}': {bad}";
            expected = "ways that divide the entries, or full";
            return false;
        }

        level = new TlbLevelGeometry(number, serves, entries, ways, policy ?? ReplacementPolicy.Lru) { Fill = fill ?? FillPolicy.MostlyInclusive };
        return true;
    }

    private static bool TryParseName(string name, out int number, out TlbSides sides)
    {
        number = 0;
        sides = TlbSides.Both;
        if (name.Length is < 2 or > 3 || name[0] is not ('l' or 'L') || name[1] is < '1' or > '9')
        {
            return false;
        }

        number = name[1] - '0';
        sides = name.Length == 2 ? TlbSides.Both : name[2] switch { 'i' => TlbSides.Fetch, 'd' => TlbSides.Data, _ => TlbSides.None };
        return sides != TlbSides.None;
    }

    private static bool TryParseFill(string text, out FillPolicy fill)
    {
        fill = text == "excl" ? FillPolicy.MostlyExclusive : FillPolicy.MostlyInclusive;
        return text is "incl" or "excl";
    }

    private static bool TryParsePolicy(string text, out ReplacementPolicy policy)
    {
        policy = text switch
        {
            "lru" => ReplacementPolicy.Lru,
            "plru" => ReplacementPolicy.Plru,
            "fifo" => ReplacementPolicy.Fifo,
            "random" => ReplacementPolicy.Random,
            _ => (ReplacementPolicy)(-1),
        };
        return (int)policy >= 0;
    }
}
