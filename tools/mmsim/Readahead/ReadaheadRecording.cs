// The readahead recordings' form: a header line, then one row for each folio that an access brought in, or one row for
// an access that brought in none. The first four columns say what was done; the last three, where they are there, what
// the recorded kernel did.

using System.Globalization;
using Mmsim.Cli;

namespace Mmsim.Readahead;

/// <summary>Reads and writes recordings of readahead.</summary>
public static class ReadaheadRecording
{
    /// <summary>The header line.</summary>
    public const string Header = "pattern,access_no,access_kind,page_index,added_first_index,added_pages,order";

    private const string Inputs = "pattern,access_no,access_kind,page_index";
    private const int InputColumns = 4;
    private const int AllColumns = 7;

    /// <summary>Reads the accesses of a recording.</summary>
    /// <param name="text">The recording.</param>
    /// <param name="name">Its name, for messages.</param>
    /// <exception cref="InputException">A line is not of that form.</exception>
    public static IReadOnlyList<RecordedAccess> Parse(TextReader text, string name)
    {
        string? header = text.ReadLine();
        if (header is null || !header.StartsWith(Inputs, StringComparison.Ordinal))
        {
            throw new InputException(name, 1, "no readahead recording", $"the header {Inputs}");
        }

        List<RecordedAccess> accesses = [];
        long line = 1;
        while (text.ReadLine() is { } row)
        {
            line++;
            if (row.Length == 0)
            {
                continue;
            }

            string[] fields = row.Split(',');
            RecordedAccess access = ParseInputs(fields, name, line);
            bool isSame = accesses.Count > 0 && accesses[^1].Pattern == access.Pattern && accesses[^1].Number == access.Number;
            if (!isSame)
            {
                accesses.Add(access);
            }

            if (fields.Length >= AllColumns && ParseAdded(fields, name, line) is { } added)
            {
                accesses[^1].Recorded.Add(added);
            }
        }

        return accesses;
    }

    /// <summary>Writes an access and the folios that it brought in, in the recording's form.</summary>
    public static void Write(TextWriter output, RecordedAccess access, IReadOnlyList<AddedFolio> added)
    {
        string kind = access.Kind == AccessMethod.Read ? "read" : "touch";
        string start = string.Create(CultureInfo.InvariantCulture, $"{access.Pattern},{access.Number},{kind},{access.PageIndex}");
        if (added.Count == 0)
        {
            output.Write(start + ",-1,0,-1\n");
        }

        foreach (AddedFolio folio in added)
        {
            output.Write(string.Create(CultureInfo.InvariantCulture, $"{start},{folio.FirstPage},{folio.PageCount},{folio.Order}\n"));
        }
    }

    private static RecordedAccess ParseInputs(string[] fields, string name, long line)
    {
        if (fields.Length < InputColumns)
        {
            throw new InputException(name, line, $"{fields.Length} columns", $"at least {Inputs}");
        }

        AccessMethod kind = fields[2] switch
        {
            "read" => AccessMethod.Read,
            "touch" => AccessMethod.Touch,
            _ => throw new InputException(name, line, $"access_kind '{fields[2]}'", "read or touch"),
        };
        if (!long.TryParse(fields[1], NumberStyles.None, CultureInfo.InvariantCulture, out long number))
        {
            throw new InputException(name, line, $"access_no '{fields[1]}'", "a number");
        }

        if (!ulong.TryParse(fields[3], NumberStyles.None, CultureInfo.InvariantCulture, out ulong page) || page >= ReadaheadReplay.FilePagesMax)
        {
            throw new InputException(name, line, $"page_index '{fields[3]}'", $"a number below {ReadaheadReplay.FilePagesMax}");
        }

        return new RecordedAccess(fields[0], number, kind, page, line);
    }

    private static AddedFolio? ParseAdded(string[] fields, string name, long line)
    {
        bool isGood = long.TryParse(fields[4], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long first)
            & ulong.TryParse(fields[5], NumberStyles.None, CultureInfo.InvariantCulture, out ulong pages)
            & int.TryParse(fields[6], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int order);
        if (!isGood)
        {
            throw new InputException(name, line, "added_first_index, added_pages, order are not numbers", "three numbers");
        }

        return first < 0 ? null : new AddedFolio((ulong)first, pages, order);
    }
}
