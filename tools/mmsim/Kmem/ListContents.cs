// How many single pages each CPU had on its lists when the trace began, by migrate type, from the events alone.
//
// A list is refilled when it is empty. So what it held at first is what was taken from it up to its first refill, less what was
// put on it: allocations and drains take, frees put. Of a list that is never refilled the most that it ever lacked is known, which
// is the least that it held.

using Engine.Core.Zones;

namespace Mmsim.Kmem;

/// <summary>The first content of the CPUs' lists of single pages.</summary>
internal sealed class ListContents
{
    private long[] taken = new long[MigrateTypes.PerCpuCount];
    private long[] first = new long[MigrateTypes.PerCpuCount];
    private bool[] isRefilled = new bool[MigrateTypes.PerCpuCount];

    /// <summary>Pages that a CPU's list held.</summary>
    /// <param name="cpu">The CPU.</param>
    /// <param name="type">Unmovable, movable or reclaimable.</param>
    public long GetFirst(int cpu, MigrateType type)
    {
        int list = (cpu * MigrateTypes.PerCpuCount) + (int)type;
        return (uint)list < (uint)first.Length ? first[list] : 0;
    }

    /// <summary>Takes an event into account.</summary>
    /// <param name="item">The event.</param>
    /// <param name="type">The migrate type of the page or its pageblock.</param>
    public void Add(in KmemEvent item, int type)
    {
        if (item.Order != 0 || (uint)type >= MigrateTypes.PerCpuCount)
        {
            return;
        }

        int list = (item.Cpu * MigrateTypes.PerCpuCount) + type;
        if (list >= first.Length)
        {
            int length = Math.Max(list + 1, first.Length * 2);
            Array.Resize(ref taken, length);
            Array.Resize(ref first, length);
            Array.Resize(ref isRefilled, length);
        }

        if (isRefilled[list])
        {
            return;
        }

        switch (item.Kind)
        {
            case KmemEventKind.ZoneLocked:
                isRefilled[list] = item.IsRefill;
                break;
            case KmemEventKind.Free:
                taken[list]--;
                break;
            default:
                first[list] = Math.Max(first[list], ++taken[list]);
                break;
        }
    }
}
