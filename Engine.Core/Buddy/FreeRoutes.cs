// A freed frame's pageblock says which list takes it. Were the list's address computed from what the pageblock's entry holds, the
// next allocation would have to wait for that: it needs the list's new top. So the list is guessed to be the one that took the
// frame before, and the pageblock only confirms the guess, which the processor need not wait for.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Engine.Core.PerCpu;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <summary>One CPU's routes of freed single frames, by zone and type. Used by the owner alone.</summary>
internal sealed class FreeRoutes
{
    private readonly FreeRoute[] table;
    private Line line;

    /// <summary>Makes the table.</summary>
    /// <param name="lists">The CPU's lists, by zone.</param>
    public FreeRoutes(ReadOnlySpan<PerCpuPages> lists)
    {
        table = new FreeRoute[lists.Length * MigrateTypes.PerCpuCount];
        for (int i = 0; i < table.Length; i++)
        {
            table[i] = new FreeRoute(lists[i / MigrateTypes.PerCpuCount], i % MigrateTypes.PerCpuCount);
        }

        line.Last = table[0];
    }

    /// <summary>The route that served last; the caller compares <see cref="FreeRoute.Key"/>.</summary>
    public ref readonly FreeRoute Last
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref line.Last;
    }

    /// <summary>Makes the route for a pageblock the last one.</summary>
    /// <param name="key">The pageblock's <see cref="PageBlock.ZoneAndType"/>.</param>
    /// <returns>False where no list takes its frames: its type has none, or it belongs to no zone.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public bool TryLearn(ushort key)
    {
        uint type = (uint)PageBlock.TypeOf(key);
        uint index = unchecked((PageBlock.ZoneOf(key) * MigrateTypes.PerCpuCount) + type);
        if (type >= MigrateTypes.PerCpuCount || index >= (uint)table.Length)
        {
            return false;
        }

        line.Last = table[index];
        return true;
    }

    // Apart from the neighbours', on any host with lines of up to 128 bytes.
    [StructLayout(LayoutKind.Explicit, Size = 384)]
    private struct Line
    {
        [FieldOffset(128)]
        public FreeRoute Last;
    }
}
