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
    public const int BlockBytes = 1 << 20;

    private const int BlocksAhead = 4;

    private readonly Func<Memory<byte>, int> read;
    private readonly string name;
    private readonly BlockingCollection<(byte[] Block, int Length)> filled = new(BlocksAhead);
    private readonly ConcurrentBag<byte[]> spare = [];
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
    /// <returns>Its bytes; empty at the end. <see cref="Return"/> gives the array back.</returns>
    public ArraySegment<byte> Next()
    {
        if (filled.TryTake(out (byte[] Block, int Length) block, Timeout.Infinite))
        {
            return new ArraySegment<byte>(block.Block, 0, block.Length);
        }

        failure?.Throw();
        return ArraySegment<byte>.Empty;
    }

    /// <summary>Gives a block back for reuse.</summary>
    public void Return(ArraySegment<byte> block) => spare.Add(block.Array!);

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
        byte[] block = new byte[BlockBytes];
        int used = 0;
        while (true)
        {
            int count = used < BlockBytes ? read(block.AsMemory(used)) : 0;
            used += count;
            if (count != 0 && used < BlockBytes)
            {
                continue;
            }

            bool isEnd = used < BlockBytes;
            int length = isEnd ? used : block.AsSpan(0, used).LastIndexOf((byte)'\n') + 1;
            if (length == 0 && !isEnd)
            {
                throw new InputException(name, null, $"a line is longer than {BlockBytes} bytes", "ftrace text");
            }

            byte[] next = spare.TryTake(out byte[]? reused) ? reused : new byte[BlockBytes];
            block.AsSpan(length, used - length).CopyTo(next);
            used -= length;
            if (length > 0)
            {
                filled.Add((block, length), stop.Token);
            }

            if (isEnd)
            {
                return;
            }

            block = next;
        }
    }
}
