namespace Mmsim.Traces;

/// <summary>Keeps the records that one thread encodes, in large arrays, so that nothing is copied or collected.</summary>
internal sealed class CompactStore
{
    private const int ChunkBytes = 4 << 20;

    private readonly CompactCodec codec = new();
    private byte[] chunk = [];
    private int used;

    /// <summary>Encodes and keeps a block's records.</summary>
    public CompactBlock Add(ReadOnlySpan<ulong> words)
    {
        int bytesMax = (words.Length * CompactCodec.RecordBytesMax) + CompactCodec.SlackBytes;
        if (chunk.Length - used < bytesMax)
        {
            chunk = GC.AllocateUninitializedArray<byte>(Math.Max(ChunkBytes, bytesMax));
            used = 0;
        }

        int length = codec.Encode(words, chunk.AsSpan(used));
        CompactBlock block = new(chunk, used, length, words.Length);
        used += length;
        if (chunk.Length - used < CompactCodec.SlackBytes)
        {
            used = chunk.Length;
        }

        return block;
    }
}
