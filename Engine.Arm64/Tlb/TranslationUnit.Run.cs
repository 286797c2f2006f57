// The hot loops.
//
// Where both first levels are fully associative LRU levels, a batch goes in blocks. The fast loop takes the slot that the hint of
// the page names and needs nothing else if that entry matches and allows the access: it logs the use and goes on. It
// calls nothing, so that all it needs stays in registers. A block that begins with many accesses to the same page in a row goes
// through the other form, which first compares with the access before: a use of the most recently used entry changes no
// order and need not be logged. Anything else leaves the loop for the slow one, which stays until hints are right again.
//
// Other first levels take the general loop: most recently used entry, then a lookup.

using System.Runtime.CompilerServices;
using Engine.Arm64.Translation;

namespace Engine.Arm64.Tlb;

public sealed unsafe partial class TranslationUnit<TWalker, TObserver>
{
    // Of this many neighbours at a block's start so many must be accesses of the same page and kind for the comparing loop.
    private const int ProbeLength = 32;
    private const int ProbeSameMin = 28;

    // So many hits in a row end the slow loop.
    private const int SlowHitsMax = 16;

    // How many accesses ahead of a walk the descriptor of another is fetched.
    private const int PrefetchDistance = 6;

    // Page number and kind of a packed access; equal in two accesses that need the same entry and permission.
    private const ulong SamePlaceMask = (~0UL << (Access.AddressShift + 12)) | Access.KindMask;

    private readonly int indexBits;
    private readonly uint indexMask;
    private int hintShift = 12;
    private ulong batchData;

    /// <summary>log2 of the page size by which hints are kept: 12 unless no entry is ever smaller than another size.</summary>
    internal int HintShift
    {
        get => hintShift;
        set
        {
            hintShift = value;
            UpdateSides();
        }
    }

    private interface IAddressSink
    {
        public void Accept(int index, ulong physicalAddress);
    }

    /// <summary>Translates a batch.</summary>
    /// <param name="accesses">In program order.</param>
    /// <returns>How many were translated; fewer than given where the next one faults: <see cref="Stop"/> says why.</returns>
    public int Run(ReadOnlySpan<Access> accesses) => RunBatch(accesses, default(Discard));

    /// <summary>Translates a batch and gives the physical addresses.</summary>
    /// <param name="accesses">In program order.</param>
    /// <param name="physicalAddresses">Receives one physical address, in bytes, for each access that was translated; not shorter than <paramref name="accesses"/>.</param>
    /// <returns>How many were translated; fewer than given where the next one faults: <see cref="Stop"/> says why.</returns>
    /// <exception cref="ArgumentException"><paramref name="physicalAddresses"/> is too short.</exception>
    public int Run(ReadOnlySpan<Access> accesses, Span<ulong> physicalAddresses)
    {
        if (physicalAddresses.Length < accesses.Length)
        {
            throw new ArgumentException("fewer places than accesses", nameof(physicalAddresses));
        }

        fixed (ulong* start = physicalAddresses)
        {
            return RunBatch(accesses, new Store(start));
        }
    }

    private int RunBatch<TSink>(ReadOnlySpan<Access> accesses, TSink sink)
        where TSink : struct, IAddressSink
    {
        batchData = 0;
        int done = 0;
        fixed (Access* start = accesses)
        {
            ulong* words = (ulong*)start;
            if (TObserver.Checks)
            {
                done = RunChecked(words, accesses.Length, sink);
            }
            else if (group == null)
            {
                done = RunGeneral(words, accesses.Length, sink);
            }
            else
            {
                int end = 0;
                while (done == end && done < accesses.Length)
                {
                    end = Math.Min(done + AssociativeEntries.BlockLength, accesses.Length);
                    done = RunBlock(words, done, end, sink);
                }

                ForgetLast();
            }
        }

        // The access that faulted was looked up as well.
        bool isStopped = done < accesses.Length;
        ulong looked = (ulong)done + (isStopped ? 1u : 0u);
        ulong data = batchData + (isStopped && accesses[done].Kind != AccessKind.Fetch ? 1u : 0u);
        fetchFirst.Lookups += looked - data;
        dataFirst.Lookups += data;
        return done;
    }

    private int RunBlock<TSink>(ulong* words, int index, int end, TSink sink)
        where TSink : struct, IAddressSink
    {
        bool isRepetitive = IsRepetitive(words, index, end);
        while (true)
        {
            group!.MakeRoom();
            index = isRepetitive ? RunRepetitive(words, index, end, sink) : RunHinted(words, index, end, sink);
            if (index == end || !RunSlow(words, ref index, end, sink) || index == end)
            {
                return index;
            }
        }
    }

    private static bool IsRepetitive(ulong* words, int index, int end)
    {
        if (end - index <= ProbeLength)
        {
            return false;
        }

        int same = 0;
        for (int i = index + 1; i <= index + ProbeLength; i++)
        {
            same += ((words[i] ^ words[i - 1]) & SamePlaceMask) == 0 ? 1 : 0;
        }

        return same >= ProbeSameMin;
    }

    // Returns the index of the first access that needs more than a hint.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private int RunHinted<TSink>(ulong* words, int index, int end, TSink sink)
        where TSink : struct, IAddressSink
    {
        AssociativeEntries entriesOfFirsts = group!;
        uint* hints = entriesOfFirsts.Index;
        ushort* log = entriesOfFirsts.Log;
        ushort* stamps = entriesOfFirsts.Stamps;
        TlbEntry* entries = entriesOfFirsts.Entries;
        int position = entriesOfFirsts.End;
        int addressShift = hintShift + Access.AddressShift;
        int permissionShift = elShift;
        uint cell = dataCell << indexBits;
        uint mask = indexMask;
        ulong data = batchData;
        for (; index < end; index++)
        {
            ulong word = words[index];
            uint kind = unchecked((uint)word) & (uint)Access.KindMask;
            uint isData = (kind + 3) >> 2;
            ulong address = unchecked((ulong)((long)word >> Access.AddressShift));
            uint slot = unchecked((ushort)hints[((0 - isData) & cell) | ((uint)(word >> addressShift) & mask)]);
            TlbEntry* entry = entries + slot;
            if ((address & entry->Mask) != entry->Tag || ((entry->Meta >> ((int)kind + permissionShift)) & 1) == 0)
            {
                break;
            }

            // SAFETY: MakeRoom left room for a block; a hint is always a slot of the group.
            log[position] = (ushort)slot;
            stamps[slot] = (ushort)position;
            position++;
            data += isData;
            sink.Accept(index, unchecked(address + entry->Delta));
        }

        entriesOfFirsts.End = position;
        batchData = data;
        return index;
    }

    // As RunHinted, for accesses that mostly stay where the one before was.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private int RunRepetitive<TSink>(ulong* words, int index, int end, TSink sink)
        where TSink : struct, IAddressSink
    {
        AssociativeEntries entriesOfFirsts = group!;
        int position = entriesOfFirsts.End;
        ulong data = batchData;
        while (index < end)
        {
            ulong word = words[index];
            uint kind = unchecked((uint)word) & (uint)Access.KindMask;
            uint isData = (kind + 3) >> 2;
            ulong address = unchecked((ulong)((long)word >> Access.AddressShift));
            uint slot = unchecked((ushort)entriesOfFirsts.Index[((isData & dataCell) << indexBits) | ((uint)(address >> hintShift) & indexMask)]);
            TlbEntry* entry = entriesOfFirsts.Entries + slot;
            if ((address & entry->Mask) != entry->Tag || ((entry->Meta >> ((int)kind + elShift)) & 1) == 0)
            {
                break;
            }

            entriesOfFirsts.Log[position] = (ushort)slot;
            entriesOfFirsts.Stamps[slot] = (ushort)position;
            position++;
            ulong delta = entry->Delta;
            int first = index;
            do
            {
                sink.Accept(index, unchecked((ulong)((long)words[index] >> Access.AddressShift) + delta));
                index++;
            }
            while (index < end && ((words[index] ^ word) & SamePlaceMask) == 0);
            data += isData * (uint)(index - first);
        }

        entriesOfFirsts.End = position;
        batchData = data;
        return index;
    }

    // Full lookups, until many hints in a row are right. False on a fault, with index at the access that faulted.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool RunSlow<TSink>(ulong* words, ref int index, int end, TSink sink)
        where TSink : struct, IAddressSink
    {
        int i = index;
        ulong data = batchData;
        for (int streak = 0; i < end && streak < SlowHitsMax; i++)
        {
            ulong access = words[i];
            uint kind = unchecked((uint)access) & (uint)Access.KindMask;
            uint isData = (kind + 3) >> 2;
            ulong address = unchecked((ulong)((long)access >> Access.AddressShift));
            QuickSide* side = sides + isData;
            uint bucket = unchecked((uint)(address >> side->Shift)) & side->IndexMask;
            uint word = side->Index[bucket];
            TlbEntry* entry = group!.Entries + unchecked((ushort)word);
            if ((address & entry->Mask) == entry->Tag && ((entry->Meta >> ((int)kind + elShift)) & 1) != 0)
            {
                group.Append(unchecked((ushort)word));
                streak++;
            }
            else
            {
                streak = 0;
                entry = TryFill(side, address, bucket, word, 1UL << ((int)kind + elShift), words, i, end);
                if (entry == null)
                {
                    entry = MissGenerally(address, kind);
                    if (entry == null)
                    {
                        batchData = data;
                        index = i;
                        return false;
                    }
                }
            }

            data += isData;
            sink.Accept(i, unchecked(address + entry->Delta));
        }

        batchData = data;
        index = i;
        return true;
    }

    private int RunGeneral<TSink>(ulong* words, int count, TSink sink)
        where TSink : struct, IAddressSink
    {
        TlbEntry** last = lasts;
        for (int i = 0; i < count; i++)
        {
            ulong word = words[i];
            uint kind = unchecked((uint)word) & (uint)Access.KindMask;
            uint isData = (kind + 3) >> 2;
            ulong address = unchecked((ulong)((long)word >> Access.AddressShift));
            TlbEntry* entry = last[isData & dataCell];
            if ((address & entry->Mask) != entry->Tag || ((entry->Meta >> ((int)kind + elShift)) & 1) == 0)
            {
                entry = LookUp(address, (AccessKind)kind);
                if (entry == null)
                {
                    ForgetLast();
                    return i;
                }

                if (hasPrivateFirsts)
                {
                    last[isData & dataCell] = entry;
                }
            }

            batchData += isData;
            sink.Accept(i, unchecked(address + entry->Delta));
        }

        return count;
    }

    private readonly struct Discard : IAddressSink
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Accept(int index, ulong physicalAddress)
        {
        }
    }

    private readonly struct Store(ulong* start) : IAddressSink
    {
        // SAFETY: the caller checked that there is a place for every access, and keeps the span pinned.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Accept(int index, ulong physicalAddress) => start[index] = physicalAddress;
    }
}
