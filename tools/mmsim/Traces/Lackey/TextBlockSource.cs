using Mmsim.Cli;
using Mmsim.Traces.Blocks;

namespace Mmsim.Traces.Lackey;

/// <summary>Cuts a text into blocks of whole lines.</summary>
internal sealed class TextBlockSource : IBlockSource
{
    /// <summary>Bytes of text in a block.</summary>
    public const int BlockBytes = 128 << 10;

    /// <summary>The most records in a block: the shortest is <c>I  0,1</c> and the line's end.</summary>
    public const int RecordsMax = (BlockBytes / ShortestRecordBytes) + 1;

    private const int ShortestRecordBytes = 7;

    private readonly InputFile input;
    private readonly byte[] carried = new byte[BlockBytes];
    private int carriedBytes;
    private bool isAtEnd;

    /// <summary>Reads a text that has been opened.</summary>
    public TextBlockSource(InputFile input) => this.input = input;

    /// <summary>Makes a block of the right size.</summary>
    public static TraceBlock CreateBlock() => new(BlockBytes, RecordsMax);

    /// <inheritdoc/>
    public bool Fill(TraceBlock block)
    {
        byte[] text = block.Input;
        carried.AsSpan(0, carriedBytes).CopyTo(text);
        int used = carriedBytes;
        while (!isAtEnd && used < BlockBytes)
        {
            int count = input.Read(text.AsSpan(used, BlockBytes - used));
            isAtEnd = count == 0;
            used += count;
        }

        block.FilePosition = input.Position;
        if (used == 0)
        {
            return false;
        }

        int end = text.AsSpan(0, used).LastIndexOf((byte)'\n') + 1;
        if (isAtEnd && end < used)
        {
            // The last line may lack its end. There is room: a full block would have been cut below.
            text[used] = (byte)'\n';
            end = ++used;
        }

        if (end == 0)
        {
            block.Error = new LineError(1, $"a line of more than {BlockBytes} bytes", LackeyRecord.Form);
            end = used;
            isAtEnd = true;
        }

        carriedBytes = used - end;
        text.AsSpan(end, carriedBytes).CopyTo(carried);
        block.InputBytes = end;
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => input.Dispose();
}
