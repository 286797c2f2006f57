// One CPU's page lists of one zone.
//
// The lists are stacks of frame numbers, last in first out, so that the page that is hottest in the cache comes first. A stack
// is a chain of fixed chunks from a pool that the CPU's lists of the zone share: push and pop move an index within a chunk, and
// only at a chunk's edge is a chunk taken or returned. The bottom of the chain is where a drain takes from. So the pool is only
// as large as the limit of all lists together, and a list that is used as a stack stays within the same few cache lines. A list
// keeps its last chunk, whose first entry it does not use.
//
// Only the owning CPU comes here. What is read from the arena is checked before it becomes an index.

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.PerCpu;

/// <summary>One CPU's page lists of one zone.</summary>
internal sealed unsafe class PerCpuPages
{
    /// <summary>Entries in a chunk.</summary>
    public const int ChunkEntries = 256;

    /// <summary>The top of a stack that has no chunk; the next index is at a chunk's edge.</summary>
    public const uint NoChunk = uint.MaxValue;

    private const uint ChunkMask = ChunkEntries - 1;
    private const int ChunkShift = 8;

    /// <summary>The state in the arena.</summary>
    public readonly PerCpuState* State;

    /// <summary>The zone's state in the arena.</summary>
    public readonly ZoneState* ZoneState;

    /// <summary>The state of the part of the zone that the owner takes from first.</summary>
    public readonly FreePart* OwnPart;

    /// <summary>The entries of all lists; <see cref="EntryCount"/> of them.</summary>
    public readonly uint* Pool;

    /// <summary>Entries of all lists together: no walk along a list is longer, unless its chain is broken.</summary>
    public readonly uint EntryCount;

    private readonly BiasedLock ownLock;
    private readonly bool isOwnersLock;
    private readonly uint* links;
    private readonly uint chunkCount;
    private readonly CorruptionLog log;

    /// <summary>A view of the lists.</summary>
    /// <param name="cpu">The owner.</param>
    /// <param name="zone">The zone.</param>
    /// <param name="ownPart">The part of the zone that the owner takes from first.</param>
    /// <param name="isOwnersLock">Whether the part's lock leans towards this CPU: true for one CPU only.</param>
    /// <param name="state">The state in the arena; zero at boot.</param>
    /// <param name="pool">The chunks: <see cref="PoolBytes"/> bytes in the arena.</param>
    /// <param name="chunkCount">How many chunks.</param>
    /// <param name="log">Where inconsistencies are reported.</param>
    public PerCpuPages(CpuId cpu, Zone zone, int ownPart, bool isOwnersLock, PerCpuState* state, uint* pool, int chunkCount, CorruptionLog log)
    {
        Cpu = cpu;
        Zone = zone;
        State = state;
        ZoneState = zone.State;
        OwnPart = zone.Parts + ownPart;
        OwnPartIndex = ownPart;
        ownLock = zone.LockOf(ownPart);
        this.isOwnersLock = isOwnersLock;
        Pool = pool;
        links = pool + ((long)chunkCount * ChunkEntries);
        this.chunkCount = (uint)chunkCount;
        EntryCount = this.chunkCount * ChunkEntries;
        this.log = log;
        for (int list = 0; list < PerCpuState.ListCount; list++)
        {
            Reset(ref List(list));
        }
    }

    /// <summary>The owner.</summary>
    public CpuId Cpu { get; }

    /// <summary>The zone that the pages belong to.</summary>
    public Zone Zone { get; }

    /// <summary>The number of <see cref="OwnPart"/>.</summary>
    public int OwnPartIndex { get; }

    /// <summary>Takes the lock of a part of the zone.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AcquirePart(int part)
    {
        if (part == OwnPartIndex && isOwnersLock)
        {
            ownLock.AcquireAsOwner();
        }
        else
        {
            Zone.LockOf(part).Acquire();
        }
    }

    /// <summary>Ends what <see cref="AcquirePart"/> began.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void ReleasePart(int part)
    {
        if (part == OwnPartIndex && isOwnersLock)
        {
            ownLock.ReleaseAsOwner();
        }
        else
        {
            Zone.LockOf(part).Release();
        }
    }

    /// <summary>Whether the zone's free memory passes every watermark that an ordinary allocation checks: the own part's, or else that of all.</summary>
    /// <param name="order">The allocation's order.</param>
    /// <param name="mark">The zone's <see cref="ZoneState.FastMark"/> for the highest zone allowed.</param>
    public bool PassesFastMark(int order, long* mark) => Zone.PassesFastMark(OwnPart, order, mark) || (Zone.PartCount > 1 && Zone.PassesFastMark(order, *mark));

    /// <summary>Whether the zone has a block of a type to take, of an order or larger.</summary>
    public bool HasBlock(int type, int order) => OwnPart->TypeOrders[type] >> order != 0 || (Zone.PartCount > 1 && Zone.Area.FindOrder(type, order) >= 0);

    /// <summary>Chunks that a limit of <paramref name="highMax"/> pages needs: full ones, and two begun ones a list.</summary>
    public static int ChunksFor(int highMax) => (highMax / ChunkEntries) + 8 + (2 * PerCpuState.ListCount);

    /// <summary>Bytes that a pool takes: entries and two links a chunk.</summary>
    public static ulong PoolBytes(int chunks) => (ulong)chunks * ((ChunkEntries * sizeof(uint)) + (2 * sizeof(uint)));

    /// <summary>The list of a block of a type below HighAtomic (<c>order_to_pindex</c>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int ListOf(int order, int type) => order == Order.PageBlockValue ? PerCpuState.HugeList : (order * MigrateTypes.PerCpuCount) + type;

    /// <summary>The order of a list's blocks.</summary>
    public static int OrderOf(int list) => list == PerCpuState.HugeList ? Order.PageBlockValue : list / MigrateTypes.PerCpuCount;

    /// <summary>Whether an index is neither a chunk's first entry, where chunks change, nor <see cref="NoChunk"/>'s successor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsInsideChunk(uint index) => (index & ChunkMask) != 0;

    /// <summary>One of the lists.</summary>
    /// <param name="list">0..12; the caller has it from <see cref="ListOf"/>.</param>
    public ref PageStack List(int list) => ref List(State, list);

    /// <summary>One of the lists of a state that the caller has at hand.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref PageStack List(PerCpuState* state, int list)
    {
        // SAFETY: the state has room for ListCount lists, and list is below that by construction.
        return ref *(&state->FirstList + list);
    }

    /// <summary>Takes the top of a list that is not empty.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Pop(ref PageStack stack)
    {
        uint top = stack.Top;
        if (top >= EntryCount)
        {
            return Broken(ref stack);
        }

        // SAFETY: top is below the number of entries.
        uint pfn = Pool[top];
        stack.Top = unchecked(top - 1);
        if ((top & ChunkMask) == 0)
        {
            LeaveTopChunk(ref stack, top);
        }

        return pfn;
    }

    /// <summary>The top of a list, which stays there; <see cref="Pfn.None"/>'s number where there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Peek(ref PageStack stack)
    {
        // SAFETY: the index is below the number of entries.
        uint top = stack.Top;
        return top < EntryCount && !stack.IsEmpty ? Pool[top] : Pfn.None.Value;
    }

    /// <summary>Puts a block on top of a list.</summary>
    /// <returns>False, with nothing changed, where the pool has no chunk left.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Push(ref PageStack stack, uint pfn)
    {
        uint top = unchecked(stack.Top + 1);
        if ((top & ChunkMask) == 0)
        {
            top = EnterNewChunk(ref stack);
        }

        if (top >= EntryCount)
        {
            return false;
        }

        // SAFETY: top is below the number of entries.
        Pool[top] = pfn;
        stack.Top = top;
        return true;
    }

    /// <summary>Puts blocks on top of a list, the last one first.</summary>
    /// <param name="stack">The list.</param>
    /// <param name="blocks">The blocks.</param>
    /// <param name="count">How many.</param>
    /// <returns>How many were put, from the end: fewer where the pool has no chunk left.</returns>
    public int PushReversed(ref PageStack stack, uint* blocks, int count)
    {
        int left = count;
        while (left > 0)
        {
            uint top = unchecked(stack.Top + 1);
            if ((top & ChunkMask) == 0)
            {
                top = EnterNewChunk(ref stack);
            }

            if (top >= EntryCount)
            {
                break;
            }

            // SAFETY: the run ends with the chunk, which lies below the number of entries.
            int run = Math.Min(left, (int)(ChunkEntries - (top & ChunkMask)));
            uint* to = Pool + top;
            uint* from = blocks + left - run;
            int i = 0;
            for (; i <= run - Vector256<uint>.Count; i += Vector256<uint>.Count)
            {
                Vector256<uint> eight = Vector256.Load(from + run - i - Vector256<uint>.Count);
                Vector256.Store(Vector256.Shuffle(eight, Vector256.Create(7u, 6, 5, 4, 3, 2, 1, 0)), to + i);
            }

            for (; i < run; i++)
            {
                to[i] = from[run - i - 1];
            }

            stack.Top = top + (uint)run - 1;
            left -= run;
        }

        return count - left;
    }

    /// <summary>Takes up to <paramref name="count"/> blocks from the bottom of a list, the bottom one first.</summary>
    public int PopBottom(ref PageStack stack, uint* taken, int count)
    {
        int done = 0;
        while (done < count && !stack.IsEmpty)
        {
            uint bottom = stack.Bottom;
            if (bottom >= EntryCount)
            {
                Broken(ref stack);
                break;
            }

            // A run within the chunk, which ends at the top where that is in the same one.
            uint last = bottom | ChunkMask;
            last = stack.Top >= bottom && stack.Top < last ? stack.Top : last;
            uint run = Math.Min((uint)(count - done), last - bottom + 1);

            // SAFETY: last is below the number of entries, which is a multiple of a chunk's.
            CopyRun(Pool + bottom, taken + done, (int)run);
            done += (int)run;
            uint next = bottom + run;
            if (next - 1 == stack.Top)
            {
                Empty(ref stack, bottom & ~ChunkMask);
            }
            else if ((next & ChunkMask) == 0)
            {
                stack.Bottom = LeaveBottomChunk(bottom);
            }
            else
            {
                // Whoever pops looks for no bottom within a chunk: below it stands what is no frame.
                Pool[next - 1] = Pfn.None.Value;
                stack.Bottom = next;
            }
        }

        return done;
    }

    /// <summary>Copies a list's blocks from bottom to top, for <c>Verify</c>; stops where the chain is broken.</summary>
    public IEnumerable<uint> Enumerate(int list)
    {
        List<uint> found = [];
        PageStack stack = List(list);
        uint index = stack.Bottom;
        for (uint i = 0; !stack.IsEmpty && i < EntryCount && index < EntryCount; i++)
        {
            found.Add(Pool[index]);
            if (index == stack.Top)
            {
                break;
            }

            index = (index & ChunkMask) == ChunkMask ? NextOf(index >> ChunkShift) * ChunkEntries : index + 1;
        }

        return found;
    }

    /// <summary>Blocks on a list, counted chunk by chunk.</summary>
    public long CountOf(int list)
    {
        PageStack stack = List(list);
        long count = 0;
        uint chunk = stack.Bottom >> ChunkShift;
        for (uint i = 0; !stack.IsEmpty && i < chunkCount && chunk < chunkCount; i++)
        {
            if (chunk == stack.Top >> ChunkShift)
            {
                return count + (stack.Top & ChunkMask) + 1 - (stack.Bottom & ChunkMask);
            }

            count += ChunkEntries;
            chunk = NextOf(chunk);
        }

        return count;
    }

    // Empty, with a chunk whose first entry stays unused: so every entry of a short list is inside its chunk.
    private static void Empty(ref PageStack stack, uint chunkStart)
    {
        stack.Top = chunkStart;
        stack.Bottom = chunkStart + 1;
    }

    private static void Reset(ref PageStack stack)
    {
        stack.Top = NoChunk;
        stack.Bottom = 0;
    }

    // A few one by one: a wide load of what has just been stored in small pieces waits until all stores before have left the processor.
    private static void CopyRun(uint* from, uint* to, int count)
    {
        const int Few = 32;
        if (count >= Few)
        {
            Unsafe.CopyBlockUnaligned(to, from, (uint)count * sizeof(uint));
            return;
        }

        for (int i = 0; i < count; i++)
        {
            to[i] = from[i];
        }
    }

    // links[2c] is the chunk above c, links[2c + 1] the chunk below it (or, in a free chunk, the next free one plus one).
    private uint NextOf(uint chunk) => links[2 * chunk];

    [MethodImpl(MethodImplOptions.NoInlining)]
    private uint EnterNewChunk(ref PageStack stack)
    {
        uint chunk;
        if (State->FreeChunk != 0 && State->FreeChunk <= chunkCount)
        {
            chunk = State->FreeChunk - 1;
            State->FreeChunk = links[(2 * chunk) + 1];
        }
        else if (State->FreshChunk < chunkCount)
        {
            chunk = State->FreshChunk++;
        }
        else
        {
            return NoChunk;
        }

        if (stack.Top == NoChunk)
        {
            Empty(ref stack, chunk * ChunkEntries);
            return (chunk * ChunkEntries) + 1;
        }

        uint below = stack.Top >> ChunkShift;
        if (below < chunkCount)
        {
            links[2 * below] = chunk;
            links[(2 * chunk) + 1] = below;
        }

        return chunk * ChunkEntries;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void LeaveTopChunk(ref PageStack stack, uint top)
    {
        if (top == stack.Bottom)
        {
            Empty(ref stack, top);
            return;
        }

        uint chunk = top >> ChunkShift;
        uint below = links[(2 * chunk) + 1];
        Release(chunk);
        if (below >= chunkCount)
        {
            Reset(ref stack);
        }
        else
        {
            stack.Top = (below * ChunkEntries) + ChunkMask;
        }
    }

    private uint LeaveBottomChunk(uint bottom)
    {
        uint chunk = bottom >> ChunkShift;
        uint next = NextOf(chunk);
        Release(chunk);
        return next < chunkCount ? next * ChunkEntries : NoChunk;
    }

    private void Release(uint chunk)
    {
        links[(2 * chunk) + 1] = State->FreeChunk;
        State->FreeChunk = chunk + 1;
    }

    /// <summary>The stack's chain is garbage: its pages are lost (leaked), the list starts anew.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public uint Broken(ref PageStack stack)
    {
        log.Report(new Corruption(CorruptionCategory.PerCpuList, "per-cpu list index outside its pool", default, EntryCount, stack.Top));
        Reset(ref stack);
        return Pfn.None.Value;
    }
}
