using System.Globalization;
using System.Text;
using Mmsim.Cli;
using Spectre.Console;

namespace Engine.Bench.Harness;

/// <summary>Prints measurements for people and for scripts.</summary>
public static class MeasurementReport
{
    private const string CsvHeader = "suite,workload,order_or_size,memory,threads,ns_median,ns_min,ns_max,mops";

    /// <summary>Prints a table with the machine's name above it.</summary>
    public static void Print(IReadOnlyList<Measurement> measurements)
    {
        AnsiConsole.MarkupLineInterpolated($"[grey]{HostDescription.Describe()}[/]");
        Table table = new Table().Border(TableBorder.Simple);
        foreach (string column in (string[])["workload", "order/size", "memory"])
        {
            _ = table.AddColumn(new TableColumn(column).NoWrap());
        }

        foreach (string column in (string[])["threads", "ns median", "min", "max", "M/s", "cycles", "rounds"])
        {
            _ = table.AddColumn(new TableColumn(column).RightAligned().NoWrap());
        }

        foreach (Measurement one in measurements)
        {
            _ = table.AddRow(
                one.Case.Workload, one.Case.OrderOrSize, one.Case.Memory, Text(one.Case.Threads),
                Text(one.NsMedian), Text(one.NsMin), Text(one.NsMax), Text(one.MillionsPerSecond), Text(one.Cycles), Text(one.Rounds));
        }

        AnsiConsole.Write(table);
    }

    /// <summary>Writes CSV, one line a measurement, under the header that scripts know.</summary>
    /// <param name="path">A file, or <c>-</c> for standard output.</param>
    /// <param name="measurements">What was measured.</param>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static void WriteCsv(string path, IReadOnlyList<Measurement> measurements)
    {
        StringBuilder text = new();
        _ = text.Append(CsvHeader).Append('\n');
        foreach (Measurement one in measurements)
        {
            _ = text.Append(CultureInfo.InvariantCulture, $"{one.Suite},{one.Case.Workload},{one.Case.OrderOrSize},{one.Case.Memory},{one.Case.Threads},")
                .Append(CultureInfo.InvariantCulture, $"{one.NsMedian:0.000},{one.NsMin:0.000},{one.NsMax:0.000},{one.MillionsPerSecond:0.000}\n");
        }

        OutputFile.Write(path, output => output.Write(Encoding.UTF8.GetBytes(text.ToString())));
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Text(double value) => value.ToString(value < 100 ? "0.00" : "0.0", CultureInfo.InvariantCulture);
}
