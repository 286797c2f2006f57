using ScottPlot;

namespace Mmsim.Cli;

/// <summary>Pictures of reports: plots above each other, as a PNG file.</summary>
internal static class PlotFile
{
    private const int HeightPixels = 900;

    /// <summary>The width of a picture without many columns, in pixels.</summary>
    public const int WidthPixels = 1200;

    /// <summary>Writes a picture.</summary>
    /// <param name="path">A file, or <c>-</c> for standard output.</param>
    /// <param name="figure">The plots.</param>
    /// <param name="widthPixels">Its width.</param>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static void Write(string path, Multiplot figure, int widthPixels = WidthPixels) =>
        OutputFile.Write(path, output => output.Write(figure.Render(widthPixels, HeightPixels).GetImageBytes(ImageFormat.Png)));
}
