using Mmsim.Traces.Lackey;

namespace Mmsim.Traces.Blocks;

/// <summary>One piece of a trace on its way from the file to the consumer. Its buffers are made once and used again and again.</summary>
internal sealed class TraceBlock
{
    /// <summary>Bytes that may be read, though not used, past the end of the input.</summary>
    public const int SlackBytes = 32;

    /// <summary>Creates a block.</summary>
    /// <param name="inputBytesMax">The most input that it takes.</param>
    /// <param name="recordsMax">The most records that this input can hold.</param>
    public TraceBlock(int inputBytesMax, int recordsMax)
    {
        Input = GC.AllocateUninitializedArray<byte>(inputBytesMax + SlackBytes, pinned: true);
        Words = GC.AllocateUninitializedArray<ulong>(recordsMax, pinned: true);
    }

    /// <summary>What was read: whole lines of text, or one section of a binary trace.</summary>
    public byte[] Input { get; }

    /// <summary>How much of <see cref="Input"/> is used.</summary>
    public int InputBytes { get; set; }

    /// <summary>The records, packed as <see cref="AccessWord"/> says.</summary>
    public ulong[] Words { get; }

    /// <summary>How many of <see cref="Words"/> are used.</summary>
    public int WordCount { get; set; }

    /// <summary>The lines that are no records, in order.</summary>
    public List<SpecialLine> Specials { get; } = [];

    /// <summary>How many lines the input has; up to <see cref="Error"/>, if there is one.</summary>
    public int Lines { get; set; }

    /// <summary>What is wrong with the input, or null.</summary>
    public LineError? Error { get; set; }

    /// <summary>What made reading impossible, or null: thrown where the consumer comes to this block.</summary>
    public Exception? Failure { get; set; }

    /// <summary>0 for the first block of the trace.</summary>
    public int Sequence { get; set; }

    /// <summary>Where the block is on its way; changed under the pipeline's lock.</summary>
    public TraceBlockState State { get; set; }

    /// <summary>The place in the file after this block's input, in bytes of the file as it is stored.</summary>
    public long FilePosition { get; set; }

    /// <summary>The records as they are kept for a second pass, where they are.</summary>
    public PackedBlock? Packed { get; set; }

    /// <summary>Makes the block ready for new input.</summary>
    public void Reset(int sequence)
    {
        Sequence = sequence;
        InputBytes = 0;
        WordCount = 0;
        Lines = 0;
        Error = null;
        Failure = null;
        Packed = null;
        Specials.Clear();
    }
}
