namespace Mmsim.Kmem;

/// <summary>A piece of a text: whole lines.</summary>
internal sealed class TextBlock
{
    /// <summary>The piece and what an earlier one left behind it.</summary>
    public byte[] Bytes { get; } = GC.AllocateUninitializedArray<byte>(FtraceBlocks.BlockBytes);

    /// <summary>How many bytes belong to it.</summary>
    public int Length { get; set; }

    /// <summary>The piece alone.</summary>
    public ReadOnlySpan<byte> Text => Bytes.AsSpan(0, Length);
}
