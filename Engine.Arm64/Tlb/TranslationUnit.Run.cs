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
        // place: where the packed access is.
        public void Accept(ulong* place, ulong physicalAddress);
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

        fixed (ulong* target = physicalAddresses)
        fixed (Access* start = accesses)
        {
            return RunBatch(accesses, new Store((nint)((byte*)target - (byte*)start)));
        }
    }

    private int RunBatch<TSink>(ReadOnlySpan<Access> accesses, TSink sink)
        where TSink : struct, IAddressSink
    {
        batchData = 0;
        int done;
        fixed (Access* start = accesses)
        {
            ulong* first = (ulong*)start;
            ulong* end = first + accesses.Length;
            ulong* at = first;
            if (TObserver.Checks)
            {
                at = RunChecked(at, end, sink);
            }
            else if (group == null)
            {
                at = RunGeneral(at, end, sink);
            }
            else
            {
                ulong* blockEnd = at;
                while (at == blockEnd && at < end)
                {
                    blockEnd += Math.Min(AssociativeEntries.BlockLength, end - at);
                    at = RunBlock(at, blockEnd, sink);
                }

                ForgetLast();
            }

            done = (int)(at - first);
        }

        // The access that faulted was looked up as well.
        bool isStopped = done < accesses.Length;
        ulong looked = (ulong)done + (isStopped ? 1u : 0u);
        ulong data = batchData + (isStopped && accesses[done].Kind != AccessKind.Fetch ? 1u : 0u);
        fetchFirst.Lookups += looked - data;
        dataFirst.Lookups += data;
        return done;
    }

    private ulong* RunBlock<TSink>(ulong* at, ulong* end, TSink sink)
        where TSink : struct, IAddressSink
    {
        bool isRepetitive = IsRepetitive(at, end);
        hasFetches = false;
        while (true)
        {
            group!.MakeRoom();
            at = isRepetitive ? RunRepetitive(at, end, sink) : RunHinted(at, end, sink);
            if (at == end || !RunSlow(ref at, end, sink) || at == end)
            {
                return at;
            }
        }
    }

    private static bool IsRepetitive(ulong* at, ulong* end)
    {
        if (end - at <= ProbeLength)
        {
            return false;
        }

        int same = 0;
        for (int i = 1; i <= ProbeLength; i++)
        {
            same += ((at[i] ^ at[i - 1]) & SamePlaceMask) == 0 ? 1 : 0;
        }

        return same >= ProbeSameMin;
    }

    // Returns where the first access is that needs more than a hint.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong* RunHinted<TSink>(ulong* at, ulong* end, TSink sink)
        where TSink : struct, IAddressSink
    {
        AssociativeEntries entriesOfFirsts = group!;
        IndexCell* hints = entriesOfFirsts.Index;
        ushort* log = entriesOfFirsts.Log;
        ushort* stamps = entriesOfFirsts.Stamps;
        TlbEntry* entries = entriesOfFirsts.Entries;
        uint position = (uint)entriesOfFirsts.End;
        int addressShift = hintShift + Access.AddressShift;
        int permissionShift = elShift;
        uint cell = dataCell << indexBits;
        uint mask = indexMask;
        ulong data = batchData;
        for (; at < end; at++)
        {
            ulong word = *at;
            uint kind = unchecked((uint)word) & (uint)Access.KindMask;
            uint isData = (kind + 3) >> 2;
            ulong address = unchecked((ulong)((long)word >> Access.AddressShift));
            uint slot = hints[(unchecked(0 - isData) & cell) | (unchecked((uint)(word >> addressShift)) & mask)].Hint;
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
            sink.Accept(at, unchecked(address + entry->Delta));
        }

        entriesOfFirsts.End = (int)position;
        batchData = data;
        return at;
    }

    // As RunHinted, for accesses that mostly stay where the one before was.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong* RunRepetitive<TSink>(ulong* at, ulong* end, TSink sink)
        where TSink : struct, IAddressSink
    {
        AssociativeEntries entriesOfFirsts = group!;
        int position = entriesOfFirsts.End;
        ulong data = batchData;
        while (at < end)
        {
            ulong word = *at;
            uint kind = unchecked((uint)word) & (uint)Access.KindMask;
            uint isData = (kind + 3) >> 2;
            ulong address = unchecked((ulong)((long)word >> Access.AddressShift));
            uint slot = entriesOfFirsts.Index[((isData & dataCell) << indexBits) | (unchecked((uint)(address >> hintShift)) & indexMask)].Hint;
            TlbEntry* entry = entriesOfFirsts.Entries + slot;
            if ((address & entry->Mask) != entry->Tag || ((entry->Meta >> ((int)kind + elShift)) & 1) == 0)
            {
                break;
            }

            entriesOfFirsts.Log[position] = (ushort)slot;
            entriesOfFirsts.Stamps[slot] = (ushort)position;
            position++;
            ulong delta = entry->Delta;
            ulong* first = at;
            do
            {
                sink.Accept(at, unchecked((ulong)((long)*at >> Access.AddressShift) + delta));
                at++;
            }
            while (at < end && ((*at ^ word) & SamePlaceMask) == 0);
            data += isData * (uint)(at - first);
        }

        entriesOfFirsts.End = position;
        batchData = data;
        return at;
    }

    private ulong* RunGeneral<TSink>(ulong* at, ulong* end, TSink sink)
        where TSink : struct, IAddressSink
    {
        TlbEntry** last = lasts;
        for (; at < end; at++)
        {
            ulong word = *at;
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
                    return at;
                }

                if (hasPrivateFirsts)
                {
                    last[isData & dataCell] = entry;
                }
            }

            batchData += isData;
            sink.Accept(at, unchecked(address + entry->Delta));
        }

        return at;
    }

    private readonly struct Discard : IAddressSink
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Accept(ulong* place, ulong physicalAddress)
        {
        }
    }

    // distanceBytes: from an access to where its physical address goes.
    private readonly struct Store(nint distanceBytes) : IAddressSink
    {
        // SAFETY: the caller checked that there is a place for every access, and keeps both spans pinned.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Accept(ulong* place, ulong physicalAddress) => *(ulong*)unchecked((byte*)place + distanceBytes) = physicalAddress;
    }
}
