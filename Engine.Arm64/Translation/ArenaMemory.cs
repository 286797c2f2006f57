using System.Runtime.CompilerServices;
using Engine.Core.Arena;
using Engine.Core.Units;

namespace Engine.Arm64.Translation;

/// <summary>The engine's own physical memory as a walker sees it.</summary>
public readonly struct ArenaMemory : ITableMemory
{
    private readonly PhysicalMemory memory;

    /// <summary>Wraps the arena.</summary>
    /// <param name="memory">The machine's memory.</param>
    public ArenaMemory(PhysicalMemory memory) => this.memory = memory;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryRead(PhysAddr address, out ulong value) => memory.TryRead(address, out value);

    /// <inheritdoc/>
    public bool TryCompareExchange(PhysAddr address, ulong expected, ulong replacement, out ulong found)
    {
        if ((address.ToUInt64() & 7) != 0 || !memory.Contains(address, sizeof(ulong)))
        {
            found = 0;
            return false;
        }

        found = Interlocked.CompareExchange(ref memory.GetRef<ulong>(address), replacement, expected);
        return true;
    }
}
