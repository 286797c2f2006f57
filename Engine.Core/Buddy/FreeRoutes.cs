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

    /// <summary>Remembers the route of a zone and a type below <see cref="MigrateTypes.PerCpuCount"/>.</summary>
    public void Learn(int zone, int type)
    {
        ref readonly FreeRoute route = ref table[(zone * MigrateTypes.PerCpuCount) + type];
        if (route.Key != line.Last.Key)
        {
            line.Last = route;
        }
    }

    // Apart from the neighbours', on any host with lines of up to 128 bytes.
    [StructLayout(LayoutKind.Explicit, Size = 384)]
    private struct Line
    {
        [FieldOffset(128)]
        public FreeRoute Last;
    }
}
