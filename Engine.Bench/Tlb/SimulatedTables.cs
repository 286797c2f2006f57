using System.Runtime.InteropServices;
using Engine.Core.Arena;
using Engine.Core.Units;

namespace Engine.Bench.Tlb;

/// <summary>Real translation tables in an arena: 4 KiB pages, four levels, user memory readable, writable and executable.</summary>
internal sealed class SimulatedTables : IDisposable
{
    private const ulong ArenaStart = 1UL << 30;
    private const ulong ArenaBytes = 64UL << 20;
    private const ulong Table = 3;

    // Valid page, EL0, access flag, not global.
    private const ulong Page = 3 | (1UL << 6) | (1UL << 10) | (1UL << 11);

    private ulong next = ArenaStart + 4096;

    /// <summary>Maps <paramref name="pageCount"/> pages from <paramref name="firstAddress"/> on, to frames in a scattered order.</summary>
    public SimulatedTables(ulong firstAddress, uint pageCount)
    {
        Memory = new PhysicalMemory(new MemoryBank(new PhysAddr(ArenaStart), ArenaBytes));
        for (uint i = 0; i < pageCount; i++)
        {
            ulong address = firstAddress + ((ulong)i << 12);
            Leaf(address) = Page | ((4UL << 30) + ((ulong)(uint)(i * 2654435761u) % pageCount << 12));
        }
    }

    /// <summary>The arena.</summary>
    public PhysicalMemory Memory { get; }

    /// <summary>The level 0 table.</summary>
    public PhysAddr Root { get; } = new(ArenaStart);


    /// <inheritdoc/>
    public void Dispose() => Memory.Dispose();

    private ref ulong Leaf(ulong address)
    {
        ulong table = ArenaStart;
        for (int shift = 39; shift > 12; shift -= 9)
        {
            ref ulong entry = ref Entry(table, address, shift);
            if (entry == 0)
            {
                entry = next | Table;
                next += 4096;
            }

            table = entry & ~0xFFFUL;
        }

        return ref Entry(table, address, 12);
    }

    private ref ulong Entry(ulong table, ulong address, int shift) =>
        ref MemoryMarshal.AsRef<ulong>(Memory.GetSpan(new PhysAddr(table + (((address >> shift) & 511) << 3)), sizeof(ulong)));
}
