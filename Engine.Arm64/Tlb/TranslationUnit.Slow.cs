// The loop for blocks that miss. It does what the hot one does, and the short way through a miss as well, without a call; for all else it ends, and
// one access goes through Miss.

using System.Runtime.CompilerServices;
using Engine.Arm64.Translation;

namespace Engine.Arm64.Tlb;

public sealed unsafe partial class TranslationUnit<TWalker, TObserver>
{
    // So many hits in a row end the slow loop.
    private const int SlowHitsMax = 16;

    // Whether the loop met a fetch in the current block.
    private bool hasFetches;

    // Lookups, until many hits in a row. False on a fault, with the place at the access that faulted.
    private bool RunSlow<TSink>(ref ulong* at, ulong* end, TSink sink)
        where TSink : struct, IAddressSink
    {
        while (true)
        {
            // Fetches between data accesses are not expected, until the first one: then till the block's end.
            long settled = hasFetches ? RunMisses<TSink, EveryKind>(ref at, end, sink) : RunMisses<TSink, DataAlone>(ref at, end, sink);
            if (settled >= SlowHitsMax || at == end)
            {
                return true;
            }

            ulong word = *at;
            uint kind = unchecked((uint)word) & (uint)Access.KindMask;
            if (!hasFetches && kind == (uint)AccessKind.Fetch)
            {
                hasFetches = true;
                continue;
            }

            ulong address = unchecked((ulong)((long)word >> Access.AddressShift));
            TlbEntry* entry = Miss(address, kind, at, end);
            if (entry == null)
            {
                return false;
            }

            batchData += (kind + 3) >> 2;
            sink.Accept(at, unchecked(address + entry->Delta));
            at++;
            if (at == end)
            {
                return true;
            }

            group!.MakeRoom();
        }
    }

    // As RunHinted, but for misses too that the short way fills without a call. Returns how many accesses in a row hit at the end.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private long RunMisses<TSink, TKinds>(ref ulong* place, ulong* end, TSink sink)
        where TSink : struct, IAddressSink
        where TKinds : struct, IKinds
    {
        QuickSide* both = sides;
        uint position = (uint)*both->End;
        ulong* first = place;
        ulong* at = first;
        ulong* streakStart = at;
        ulong data = 0;
        for (; at < end; at++)
        {
            ulong word = *at;
            uint kind = unchecked((uint)word) & (uint)Access.KindMask;
            if (TKinds.AreDataAlone && kind == (uint)AccessKind.Fetch)
            {
                break;
            }

            uint isData = (kind + 3) >> 2;
            ulong address = unchecked((ulong)((long)word >> Access.AddressShift));
            QuickSide* side = TKinds.AreDataAlone ? both + 1 : both + isData;
            int permission = (int)kind + side->PermissionShift;
            IndexCell* cell = side->Index + (unchecked((uint)(address >> side->Shift)) & side->IndexMask);

            // SAFETY: a hint is always a slot of the group.
            uint chain = cell->First;
            uint slot = cell->Hint;
            TlbEntry* entry = side->Entries + slot;
            if (chain != side->NoneIfPlain && (address & entry->Mask) == entry->Tag && ((entry->Meta >> permission) & 1) != 0)
            {
                if (at - streakStart >= SlowHitsMax)
                {
                    break;
                }
            }
            else
            {
                if (chain != side->NoneIfPlain && !IsAbsentFromChain(side, address, chain))
                {
                    break;
                }

                slot = TryFill<UniformCase>(side, address, cell, permission, at, end);
                if (slot >= NoEntry)
                {
                    break;
                }

                streakStart = at + 1;
                entry = side->Entries + slot;
            }

            // SAFETY: MakeRoom left room for a block.
            side->Log[position] = (ushort)slot;
            side->Stamps[slot] = (ushort)position;
            position++;
            data += TKinds.AreDataAlone ? 0 : isData;
            sink.Accept(at, unchecked(address + entry->Delta));
        }

        *both->End = (int)position;
        batchData += TKinds.AreDataAlone ? (ulong)(at - first) : data;
        place = at;
        return at - streakStart;
    }

    // Which accesses a loop is for: with data accesses alone, which of the two sides is meant is known.
    private interface IKinds
    {
        public static abstract bool AreDataAlone { get; }
    }

    private readonly struct DataAlone : IKinds
    {
        public static bool AreDataAlone => true;
    }

    private readonly struct EveryKind : IKinds
    {
        public static bool AreDataAlone => false;
    }
}
