using System.Text.Encodings.Web;
using System.Text.Json;

namespace Mmsim.Cli;

/// <summary>Writes a report as JSON: UTF-8, keys in the order of the calls, so that the same input gives the same bytes.</summary>
/// <remarks>What depends on the speed of the host goes under the one key <c>timing</c>, last.</remarks>
public static class JsonReport
{
    private static readonly JsonWriterOptions Options = new() { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes one report.</summary>
    /// <param name="target">A path, or <c>-</c> for standard output.</param>
    /// <param name="body">Writes the members of the outermost object.</param>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static void Write(string target, Action<Utf8JsonWriter> body)
    {
        using MemoryStream bytes = new();
        using (Utf8JsonWriter writer = new(bytes, Options))
        {
            writer.WriteStartObject();
            body(writer);
            writer.WriteEndObject();
        }

        bytes.WriteByte((byte)'\n');
        OutputFile.Write(target, bytes.WriteTo);
    }

    /// <summary>Writes an object of numbers: <c>"name": {"key": value, …}</c>.</summary>
    public static void WriteNumbers(this Utf8JsonWriter writer, string name, params ReadOnlySpan<(string Key, long Value)> members)
    {
        writer.WriteStartObject(name);
        foreach ((string key, long value) in members)
        {
            writer.WriteNumber(key, value);
        }

        writer.WriteEndObject();
    }
}
