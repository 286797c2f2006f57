using Mmsim.Cli;
using ScottPlot;

namespace Mmsim.Compare;

/// <summary>Draws a comparison: cycles of translation above, memory below, a group of bars for each variant.</summary>
internal static class ComparePlot
{
    private const double BytesPerMebibyte = 1048576.0;

    // The same for both plots, so that a variant's bars stand above each other.
    private const int LeftPixels = 90;
    private const int RightPixels = 215;
    private const int TopPixels = 40;
    private const int AxisPixels = 45;
    private const int LinePixels = 18;

    // What the longest value, the name of a core, needs.
    private const int VariantPixelsMin = 95;

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
        PlotFile.Write(path, figure, Math.Max(PlotFile.WidthPixels, LeftPixels + RightPixels + (VariantPixelsMin * results.Count)));
    }

    // The series of a variant stand beside each other; its values stand below each other.
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

        IReadOnlyList<(VariedKey Key, string Value)> varied = results[0].Variant.Values;
        plot.Axes.Bottom.SetTicks(
            [.. results.Select((_, i) => (double)i)], [.. results.Select(result => string.Join('\n', result.Variant.Values.Select(value => value.Value)))]);
        plot.XLabel(string.Join(", ", varied.Select(value => VariantSet.NameOf(value.Key))));
        plot.YLabel(unit);
        plot.Axes.Margins(bottom: 0);
        plot.ShowLegend(Edge.Right);
        plot.Layout.Fixed(new PixelPadding(LeftPixels, RightPixels, AxisPixels + (LinePixels * varied.Count), TopPixels));
    }
}
