// Single frames that the background worker has cut from larger blocks ahead of need, for one CPU, zone and type.
//
// One word says whose turn it is: 0, the worker may fill it; n, n frames are ready for whoever claims them with one compare-and-swap
// (the owner when its list is empty, or a CPU in need); -1, someone is filling or emptying it.

using Engine.Core.Diagnostics;

namespace Engine.Core.PerCpu;

/// <summary>One slot between the worker and a CPU, in the arena.</summary>
internal sealed unsafe class DicedBatch
{
    /// <summary>Frames in a batch, at most.</summary>
    public const int Capacity = 63;

    /// <summary>Bytes in the arena.</summary>
    public const ulong SizeBytes = 256;

    private readonly int* words;
    private readonly CorruptionLog log;

    /// <summary>A view of a slot; zeroed memory is an empty one.</summary>
    public DicedBatch(int* words, CorruptionLog log)
    {
        this.words = words;
        this.log = log;
    }

    /// <summary>Whether the owner has had to refill this list since the worker looked last.</summary>
    public bool IsWanted { get; set; }

    /// <summary>Frames ready.</summary>
    public int Count => Math.Clamp(Volatile.Read(ref *words), 0, Capacity);

    /// <summary>Claims the empty slot to fill it.</summary>
    public bool TryBeginFill() => Interlocked.CompareExchange(ref *words, -1, 0) == 0;

    /// <summary>Publishes frames; 0 leaves the slot empty.</summary>
    public void EndFill(ReadOnlySpan<uint> frames)
    {
        for (int i = 0; i < frames.Length; i++)
        {
            words[i + 1] = (int)frames[i];
        }

        Volatile.Write(ref *words, frames.Length);
    }

    /// <summary>Claims and takes what is ready.</summary>
    /// <param name="frames">Room for <see cref="Capacity"/> frames.</param>
    /// <returns>How many frames there were.</returns>
    public int Take(Span<uint> frames)
    {
        int count = Volatile.Read(ref *words);
        if (count is < -1 or > Capacity)
        {
            // No one writes such a number: what was ready is lost, and the slot is empty again.
            log.Report(new Corruption(CorruptionCategory.PerCpuList, "diced frames: more than a slot holds", default, Capacity, unchecked((uint)count)));
            Interlocked.CompareExchange(ref *words, 0, count);
            return 0;
        }

        if (count <= 0 || Interlocked.CompareExchange(ref *words, -1, count) != count)
        {
            return 0;
        }

        Copy(frames, count);
        Volatile.Write(ref *words, 0);
        return count;
    }

    /// <summary>Copies what is ready, for <c>Verify</c>.</summary>
    public uint[] Peek()
    {
        uint[] frames = new uint[Count];
        Copy(frames, frames.Length);
        return frames;
    }

    private void Copy(Span<uint> frames, int count)
    {
        for (int i = 0; i < count; i++)
        {
            frames[i] = unchecked((uint)words[i + 1]);
        }
    }
}
