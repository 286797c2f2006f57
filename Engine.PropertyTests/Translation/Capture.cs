using System.Globalization;
using System.IO.Compression;
using System.Text.Json;
using Engine.PropertyTests.Support;
using Mmsim.Images;

namespace Engine.PropertyTests.Translation;

/// <summary>One recording of a real kernel's tables with what the machine itself said about addresses.</summary>
internal sealed class Capture : IDisposable
{
    private readonly string folder;
    private readonly Dictionary<string, RegisterContext> contexts = [];

    public Capture(string folder)
    {
        this.folder = folder;
        Image = MemoryImage.Open([Path.Combine(folder, "tables.bin.zst")]);
    }

    public MemoryImage Image { get; }

    public static IEnumerable<string> Folders() =>
        Directory.GetDirectories(SharedData.Find("data/arm64-capture")!).Where(folder => File.Exists(Path.Combine(folder, "capture.json"))).Order();

    public RegisterContext Context(string name)
    {
        if (!contexts.TryGetValue(name, out RegisterContext? context))
        {
            context = RegisterContext.Read($"{Path.Combine(folder, "capture.json")}:{name}");
            contexts.Add(name, context);
        }

        return context;
    }

    public JsonElement Json() => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "capture.json"))).RootElement;

    public IEnumerable<string[]> Rows(string file)
    {
        using FileStream stored = File.OpenRead(Path.Combine(folder, file));
        using StreamReader reader = new(new GZipStream(stored, CompressionMode.Decompress));
        _ = reader.ReadLine();
        while (reader.ReadLine() is { } line)
        {
            yield return line.Split(',');
        }
    }

    public static ulong Hex(string text) => ulong.Parse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    public void Dispose() => Image.Dispose();
}
