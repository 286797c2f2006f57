namespace Mmsim.Cli;

/// <summary>A stream whose first bytes can be looked at before they are read, and that counts what was taken. A pipe cannot seek back.</summary>
internal sealed class PeekStream : Stream
{
    private const int PeekBytesMax = 16;

    private readonly Stream inner;
    private readonly byte[] peeked = new byte[PeekBytesMax];
    private int peekedBytes;
    private int peekedTaken;

    public PeekStream(Stream inner) => this.inner = inner;

    /// <summary>How many bytes have been read.</summary>
    public long TakenBytes { get; private set; }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => TakenBytes;
        set => throw new NotSupportedException();
    }

    /// <summary>The first bytes, fewer if there are no more. Only before the first read.</summary>
    public ReadOnlySpan<byte> Peek()
    {
        while (peekedBytes < PeekBytesMax)
        {
            int count = inner.Read(peeked, peekedBytes, PeekBytesMax - peekedBytes);
            if (count == 0)
            {
                break;
            }

            peekedBytes += count;
        }

        return peeked.AsSpan(0, peekedBytes);
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        int count;
        if (peekedTaken < peekedBytes)
        {
            count = Math.Min(peekedBytes - peekedTaken, buffer.Length);
            peeked.AsSpan(peekedTaken, count).CopyTo(buffer);
            peekedTaken += count;
        }
        else
        {
            count = inner.Read(buffer);
        }

        TakenBytes += count;
        return count;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }
}
