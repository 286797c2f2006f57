using Engine.Core.Units;
using Engine.Core.Zones;
using Mmsim.Cli;
using ScottPlot;

namespace Mmsim.Kmem;

/// <summary>Draws a zone's free memory over time: above by order of its blocks, below how much of it is unusable for larger ones.</summary>
internal static class KmemPlot
{
    private const double MebibytesPerPage = Pfn.PageSizeBytes / 1048576.0;

    // The orders whose unusable index is drawn: the smallest that can be short, a kernel stack, a folio of 64 KiB, a huge page, the largest block.
    private static readonly int[] IndexOrders = [1, 2, 4, 9, 10];

    /// <summary>Writes the picture.</summary>
    /// <param name="path">A PNG file.</param>
    /// <param name="title">What the replay was of.</param>
    /// <param name="samples">One zone's samples in order of time.</param>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static void Write(string path, string title, IReadOnlyList<FragmentationSample> samples)
    {
        Zone zone = samples[0].Zone;
        double[] seconds = [.. samples.Select(sample => sample.Seconds)];
        Multiplot figure = new();
        figure.AddPlots(2);
        DrawFree(figure.GetPlot(0), seconds, samples);
        figure.GetPlot(0).Title($"{title}: free memory of node {zone.Node}, zone {ZoneTypes.GetName(zone.Type)}");
        DrawUnusable(figure.GetPlot(1), seconds, samples);
        PlotFile.Write(path, figure);
    }

    // Stacked: order 10 at the bottom, so that what breaks into smaller blocks is seen on top. Most memory is in blocks of order 10 and does
    // not change: the axis begins where it does.
    private static void DrawFree(Plot plot, double[] seconds, IReadOnlyList<FragmentationSample> samples)
    {
        ScottPlot.Colormaps.Viridis colors = new();
        double[] below = new double[samples.Count];
        for (int order = Order.MaxValue; order >= 0; order--)
        {
            double[] above = [.. below.Select((value, i) => value + ((samples[i].FreeBlocks[order] << order) * MebibytesPerPage))];
            ScottPlot.Plottables.FillY area = plot.Add.FillY(seconds, below, above);
            area.FillColor = colors.GetColor(order / (double)Order.MaxValue);
            area.LineWidth = 0;
            area.LegendText = $"order {order}";
            below = above;
        }

        double least = samples.Min(sample => sample.FreeBlocks[Order.MaxValue] << Order.MaxValue) * MebibytesPerPage;
        double most = Math.Max(1, below.Max());
        double bottom = Math.Max(0, least - ((most - least) / 4));
        plot.YLabel(bottom > 0 ? $"free, MiB (from {bottom:N0})" : "free, MiB");
        plot.XLabel("seconds");
        plot.ShowLegend(Edge.Right);
        plot.Axes.Margins(0, 0);
        plot.Axes.SetLimitsY(bottom, most + ((most - bottom) / 20));
    }

    private static void DrawUnusable(Plot plot, double[] seconds, IReadOnlyList<FragmentationSample> samples)
    {
        foreach (int order in IndexOrders)
        {
            double[] values = [.. samples.Select(sample => sample.GetUnusableIndex(order) / 1000.0)];
            ScottPlot.Plottables.Scatter line = plot.Add.ScatterLine(seconds, values);
            line.LineWidth = 2;
            line.LegendText = $"order {order}";
        }

        plot.Title("unusable free space index");
        plot.YLabel("share of free memory");
        plot.XLabel("seconds");
        plot.ShowLegend(Edge.Right);
        plot.Axes.Margins(0, 0.05);
    }
}
