using System.Text;

namespace Mmsim.Traces.Binary;

/// <summary>The items of a section of a binary trace, as they are gathered.</summary>
internal sealed class BinaryItems : IDisposable
{
    private readonly MemoryStream stream = new();

    public BinaryItems() => Writer = new BinaryWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));

    /// <summary>Appends to the section.</summary>
    public BinaryWriter Writer { get; }

    /// <summary>How many items have been appended.</summary>
    public int Count { get; set; }

    /// <summary>What has been appended.</summary>
    public ReadOnlySpan<byte> Bytes => stream.GetBuffer().AsSpan(0, (int)stream.Length);

    /// <summary>Begins a new section.</summary>
    public void Clear()
    {
        stream.SetLength(0);
        Count = 0;
    }

    /// <inheritdoc/>
    public void Dispose() => Writer.Dispose();
}
