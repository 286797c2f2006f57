using System.Runtime.CompilerServices;
using Engine.Arm64.Translation;
using Engine.Core.Arena;
using Engine.Core.Units;

namespace Engine.Arm64.PageTables;

/// <summary>One table in the arena. It can only be opened on RAM, and an index cannot leave it.</summary>
/// <typeparam name="TGeometry">Whose tables: all are one granule long.</typeparam>
internal readonly unsafe struct TableView<TGeometry>
    where TGeometry : struct, ITableGeometry
{
    private readonly Descriptor* entries;

    private TableView(Descriptor* entries) => this.entries = entries;

    /// <summary>Entries in a table.</summary>
    public static int EntryCount
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 1 << (TGeometry.PageShift - 3);
    }

    /// <summary>An entry; the index is taken modulo the table's length.</summary>
    public ref Descriptor this[int index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            // SAFETY: TryOpen checked EntryCount descriptors of RAM; the mask keeps the index below EntryCount.
            return ref entries[index & (EntryCount - 1)];
        }
    }

    /// <summary>Whether no entry is used.</summary>
    public bool IsEmpty => IndexOfUsed(0, EntryCount) == EntryCount;

    /// <summary>Opens the table at an address.</summary>
    /// <returns>False where the address is misaligned, or not RAM for a whole table.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryOpen(PhysicalMemory memory, PhysAddr address, out TableView<TGeometry> table)
    {
        ulong lengthBytes = 1UL << TGeometry.PageShift;
        if ((address.ToUInt64() & (lengthBytes - 1)) != 0 || !memory.Contains(address, lengthBytes))
        {
            table = default;
            return false;
        }

        table = new((Descriptor*)(memory.Bias + address.ToUInt64()));
        return true;
    }

    /// <summary>The first entry at or after <paramref name="index"/> and before <paramref name="end"/> that is not empty, or <paramref name="end"/>.</summary>
    public int IndexOfUsed(int index, int end)
    {
        // SAFETY: callers pass 0 <= index <= end <= EntryCount, checked here; TryOpen checked the table.
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)end, (uint)EntryCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)index, (uint)end);
        int found = new ReadOnlySpan<ulong>(entries + index, end - index).IndexOfAnyExcept(0UL);
        return found < 0 ? end : index + found;
    }
}
