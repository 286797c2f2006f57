// Cuts a text into blocks of whole lines. Reading and decompressing run on a thread of their own, a few blocks ahead,
// so that the parser never waits for them; what remains of a block after its last line break moves to the next block.

using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Mmsim.Cli;

namespace Mmsim.Kmem;

/// <summary>A text input as blocks of whole lines, read ahead by another thread.</summary>
internal sealed class FtraceBlocks : IDisposable
{
    /// <summary>The longest line that is accepted, in bytes, and the size of a block.</summary>
    public const int BlockBytes = 256 << 10;

    // Enough that decompression goes on while the parser's code is first compiled, and few enough that the blocks stay in the
    // cache: memory never touched before costs more than what is read into it.
    private const int BlocksAhead = 16;

    private readonly Func<Memory<byte>, int> read;
    private readonly string name;
    private readonly BlockingCollection<TextBlock> filled = new(BlocksAhead);
    private readonly ConcurrentBag<TextBlock> spare = [];
    private readonly CancellationTokenSource stop = new();
    private readonly Thread reader;
    private ExceptionDispatchInfo? failure;

    /// <summary>Starts to read.</summary>
    /// <param name="name">The input's name for messages.</param>
    /// <param name="read">Fills a part of a buffer and says how many bytes; 0 is the end. Called on another thread.</param>
    public FtraceBlocks(string name, Func<Memory<byte>, int> read)
    {
        this.name = name;
        this.read = read;
        reader = new Thread(Fill) { IsBackground = true, Name = "trace reader" };
        reader.Start();
    }

    /// <summary>The next block: whole lines, but for the text's last line, which may lack its line break.</summary>
    /// <returns>Null at the end. <see cref="Return"/> gives the block back.</returns>
    public TextBlock? Next()
    {
        if (filled.TryTake(out TextBlock? block, Timeout.Infinite))
        {
            return block;
        }

        failure?.Throw();
        return null;
    }

    /// <summary>Gives a block back for reuse.</summary>
    public void Return(TextBlock block) => spare.Add(block);

    /// <inheritdoc/>
    public void Dispose()
    {
        stop.Cancel();
        reader.Join();
        filled.Dispose();
        stop.Dispose();
    }

    private void Fill()
    {
        try
        {
            FillAll();
        }
        catch (OperationCanceledException)
        {
            // The consumer has gone.
        }
        catch (Exception error)
        {
            failure = ExceptionDispatchInfo.Capture(error);
        }
        finally
        {
            filled.CompleteAdding();
        }
    }

    private void FillAll()
    {
        TextBlock block = new();
        int used = 0;
        while (true)
        {
            int count = used < BlockBytes ? read(block.Bytes.AsMemory(used)) : 0;
            used += count;
            if (count != 0 && used < BlockBytes)
            {
                continue;
            }

            bool isEnd = used < BlockBytes;
            int length = isEnd ? used : block.Bytes.AsSpan(0, used).LastIndexOf((byte)'\n') + 1;
            if (length == 0 && !isEnd)
            {
                throw new InputException(name, null, $"a line is longer than {BlockBytes} bytes", "ftrace text");
            }

            TextBlock next = spare.TryTake(out TextBlock? reused) ? reused : new TextBlock();
            block.Bytes.AsSpan(length, used - length).CopyTo(next.Bytes);
            used -= length;
            if (length > 0)
            {
                block.Length = length;
                filled.Add(block, stop.Token);
            }

            if (isEnd)
            {
                return;
            }

            block = next;
        }
    }
}
