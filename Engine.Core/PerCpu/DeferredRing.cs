// Frees that were put off: a ring from the CPU that frees to whoever returns the blocks to the free area.
//
// The owner alone writes entries and the head. The tail belongs to whoever has entered the ring (one compare-and-swap, never on
// the owner's fast path): the background worker, the owner in need, or another CPU in need. Head and tail only grow.

using System.Runtime.CompilerServices;
using Engine.Core.Diagnostics;
using Engine.Core.Units;

namespace Engine.Core.PerCpu;

/// <summary>One CPU's deferred frees, in the arena.</summary>
internal sealed unsafe class DeferredRing
{
    /// <summary>How many blocks may be pending.</summary>
    public const uint Capacity = 1024;

    /// <summary>Bytes in the arena.</summary>
    public const ulong SizeBytes = 256 + (Capacity * sizeof(ulong));

    // Words of the region: head 0, pages added 1; tail 16, pages removed 17 (a line apart); entries from 32.
    private const int HeadWord = 0;
    private const int AddedWord = 1;
    private const int TailWord = 16;
    private const int RemovedWord = 17;
    private const int EntryWord = 32;

    private readonly ulong* words;
    private readonly CorruptionLog log;
    private int isEntered;

    /// <summary>A view of a ring; zeroed memory is an empty one.</summary>
    public DeferredRing(ulong* words, CorruptionLog log)
    {
        this.words = words;
        this.log = log;
    }

    /// <summary>Pages pending.</summary>
    public ulong PendingPages => unchecked(Volatile.Read(ref words[AddedWord]) - Volatile.Read(ref words[RemovedWord]));

    /// <summary>Whether the owner can put off another block.</summary>
    public bool HasRoom => unchecked(words[HeadWord] - Volatile.Read(ref words[TailWord])) < Capacity;

    /// <summary>Adds a block; <see cref="HasRoom"/> was true. Called by the owner.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Push(uint pfn, int order)
    {
        ulong head = words[HeadWord];

        // SAFETY: the index is below Capacity.
        words[EntryWord + (int)(head % Capacity)] = ((ulong)order << 32) | pfn;
        words[AddedWord] = unchecked(words[AddedWord] + (1UL << order));
        Volatile.Write(ref words[HeadWord], unchecked(head + 1));
    }

    /// <summary>Becomes the one who may pop.</summary>
    /// <returns>False where someone else is at it.</returns>
    public bool TryEnter() => Interlocked.CompareExchange(ref isEntered, 1, 0) == 0;

    /// <summary>Ends what <see cref="TryEnter"/> began.</summary>
    public void Leave() => Volatile.Write(ref isEntered, 0);

    /// <summary>Takes the oldest block. Called between <see cref="TryEnter"/> and <see cref="Leave"/>.</summary>
    public bool TryPop(out uint pfn, out int order)
    {
        ulong tail = words[TailWord];
        ulong pending = unchecked(Volatile.Read(ref words[HeadWord]) - tail);
        pfn = 0;
        order = 0;
        if (pending == 0)
        {
            return false;
        }

        if (pending > Capacity)
        {
            log.Report(new Corruption(CorruptionCategory.PerCpuList, "deferred frees: head and tail are too far apart", default, Capacity, pending));
            Volatile.Write(ref words[TailWord], Volatile.Read(ref words[HeadWord]));
            return false;
        }

        ulong entry = words[EntryWord + (int)(tail % Capacity)];
        pfn = unchecked((uint)entry);
        order = (int)Math.Min(entry >> 32, Order.MaxValue);
        words[RemovedWord] = unchecked(words[RemovedWord] + (1UL << order));
        Volatile.Write(ref words[TailWord], unchecked(tail + 1));
        return true;
    }

    /// <summary>Copies what is pending, for <c>Verify</c>.</summary>
    public IEnumerable<(uint Pfn, int Order)> Enumerate()
    {
        List<(uint, int)> found = [];
        ulong tail = words[TailWord];
        for (ulong i = 0; i < Math.Min(unchecked(words[HeadWord] - tail), Capacity); i++)
        {
            ulong entry = words[EntryWord + (int)(unchecked(tail + i) % Capacity)];
            found.Add((unchecked((uint)entry), (int)Math.Min(entry >> 32, Order.MaxValue)));
        }

        return found;
    }
}
