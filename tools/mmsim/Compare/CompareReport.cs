using System.Globalization;
using System.Text;
using System.Text.Json;
using Mmsim.Cli;
using Spectre.Console;

namespace Mmsim.Compare;

/// <summary>A comparison as a table, as CSV and as JSON.</summary>
internal static class CompareReport
{
    /// <summary>Prints the table; the best value of each column is bold.</summary>
    public static void Print(IAnsiConsole console, string trace, long records, double seconds, IReadOnlyList<VariantResult> results)
    {
        IReadOnlyList<CompareColumns.Column> columns = CompareColumns.For(results);
        Table table = new() { Border = TableBorder.Minimal };
        foreach ((VariedKey key, _) in results[0].Variant.Values)
        {
            table.AddColumn(new TableColumn(VariantSet.NameOf(key)));
        }

        foreach (CompareColumns.Column column in columns)
        {
            table.AddColumn(new TableColumn(column.Title).RightAligned());
        }

        foreach (VariantResult result in results)
        {
            table.AddRow([.. result.Variant.Values.Select(value => Markup.Escape(value.Value)), .. columns.Select(column => Cell(results, column, result))]);
        }

        console.MarkupLineInterpolated(CultureInfo.InvariantCulture, $"[bold]{Path.GetFileName(trace)}[/], {records:N0} records, {results.Count} variants in {seconds:0.0} s");
        console.Write(table);
        foreach (VariantResult result in results.Where(result => result.Run.EndedBecause is not null))
        {
            console.MarkupLineInterpolated(
                CultureInfo.InvariantCulture, $"[red]{result.Variant.Label}: ended after {result.Run.Records.Total:N0} of {records:N0} records: {result.Run.EndedBecause}[/]");
        }
    }

    /// <summary>Writes the table as CSV: a column for each key, then the figures as plain numbers.</summary>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static void WriteCsv(string path, IReadOnlyList<VariantResult> results)
    {
        IReadOnlyList<CompareColumns.Column> columns = CompareColumns.For(results);
        StringBuilder text = new();
        text.AppendJoin(',', [.. results[0].Variant.Values.Select(value => VariantSet.NameOf(value.Key)), .. columns.Select(column => column.Key), "ended_because"]).Append('\n');
        foreach (VariantResult result in results)
        {
            text.AppendJoin(',', [
                .. result.Variant.Values.Select(value => value.Value),
                .. columns.Select(column => column.Value(result)?.ToString(CultureInfo.InvariantCulture) ?? ""),
                Quote(result.Run.EndedBecause ?? ""),
            ]).Append('\n');
        }

        OutputFile.Write(path, output => output.Write(Encoding.UTF8.GetBytes(text.ToString())));
    }

    /// <summary>Writes the members of the JSON report.</summary>
    public static void WriteJson(Utf8JsonWriter json, string trace, long records, double seconds, IReadOnlyList<VariantResult> results)
    {
        IReadOnlyList<CompareColumns.Column> columns = CompareColumns.For(results);
        json.WriteString("trace", trace);
        json.WriteNumber("records", records);
        json.WriteStartArray("variants");
        foreach (VariantResult result in results)
        {
            json.WriteStartObject();
            foreach ((VariedKey key, string value) in result.Variant.Values)
            {
                json.WriteString(VariantSet.NameOf(key), value);
            }

            foreach (CompareColumns.Column column in columns)
            {
                if (column.Value(result) is ulong number)
                {
                    json.WriteNumber(column.Key, number);
                }
                else
                {
                    json.WriteNull(column.Key);
                }
            }

            json.WriteNumber("rss_pages", result.Run.Memory.RssPages);
            json.WriteNumber("page_table_pages", result.Run.Memory.PageTablePages);
            json.WriteString("ended_because", result.Run.EndedBecause);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartObject("timing");
        json.WriteNumber("seconds", seconds);
        json.WriteEndObject();
    }

    private static string Cell(IReadOnlyList<VariantResult> results, CompareColumns.Column column, VariantResult result)
    {
        ulong? value = column.Value(result);
        string text = Markup.Escape(column.Show(value));
        return value is not null && result.Run.EndedBecause is null && value == CompareColumns.BestOf(results, column) ? $"[bold]{text}[/]" : text;
    }

    private static string Quote(string text) =>
        text.Contains(',', StringComparison.Ordinal) || text.Contains('"', StringComparison.Ordinal) ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;
}
