using Mmsim.Cli;
using ScottPlot;

namespace Mmsim.Compare;

/// <summary>Draws a comparison: cycles of translation above, memory below, a bar for each variant.</summary>
internal static class ComparePlot
{
    private const int WidthPixels = 1200;
    private const int HeightPixels = 900;
    private const double BytesPerMebibyte = 1048576.0;

    /// <summary>Writes the picture.</summary>
    /// <param name="path">A PNG file.</param>
    /// <param name="title">What was replayed.</param>
    /// <param name="results">The variants.</param>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static void Write(string path, string title, IReadOnlyList<VariantResult> results)
    {
        Multiplot figure = new();
        figure.AddPlots(2);
        Draw(figure.GetPlot(0), results, "million cycles", ("translation", result => result.Cycles / 1e6));
        figure.GetPlot(0).Title($"{Path.GetFileName(title)}: cycles spent on translation");
        Draw(
            figure.GetPlot(1),
            results,
            "MiB",
            ("used", result => result.UsedBytes / BytesPerMebibyte),
            ("of it never touched", result => result.WastedBytes / BytesPerMebibyte));
        figure.GetPlot(1).Title("memory");
        figure.GetPlot(1).ShowLegend(Edge.Right);
        try
        {
            figure.SavePng(path, WidthPixels, HeightPixels);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new InputException(path, null, $"cannot be written: {error.Message}");
        }
    }

    // The series of a variant stand beside each other.
    private static void Draw(Plot plot, IReadOnlyList<VariantResult> results, string unit, params ReadOnlySpan<(string Name, Func<VariantResult, double> Value)> series)
    {
        double width = 0.8 / series.Length;
        for (int s = 0; s < series.Length; s++)
        {
            Func<VariantResult, double> value = series[s].Value;
            double offset = (s - ((series.Length - 1) / 2.0)) * width;
            Color color = plot.Add.Palette.GetColor(s);
            Bar[] drawn = [.. results.Select((result, i) => new Bar { Position = i + offset, Value = value(result), Size = width, FillColor = color })];
            ScottPlot.Plottables.BarPlot bars = plot.Add.Bars(drawn);
            bars.LegendText = series[s].Name;
        }

        plot.Axes.Bottom.SetTicks([.. results.Select((_, i) => (double)i)], [.. results.Select(result => result.Variant.Label)]);
        plot.YLabel(unit);
        plot.Axes.Margins(bottom: 0);
    }
}
