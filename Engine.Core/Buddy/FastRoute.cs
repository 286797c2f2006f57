using Engine.Core.PerCpu;

namespace Engine.Core.Buddy;

/// <summary>What the fast path needs of a CPU's route, in one entry.</summary>
internal readonly struct FastRoute
{
    /// <summary>The CPU's lists of the zone that is tried first; null where the flags contradict each other or no zone is allowed.</summary>
    public readonly PerCpuPages? Pages;

    /// <summary>The migrate type.</summary>
    public readonly short Type;

    /// <summary>The highest zone allowed.</summary>
    public readonly short Highest;

    /// <summary>What the first attempt may use.</summary>
    public readonly AllocFlags Flags;

    /// <summary>Fills an entry.</summary>
    public FastRoute(PerCpuPages? pages, AllocationRoute route)
    {
        Pages = pages;
        Type = (short)route.Type;
        Highest = (short)route.Highest;
        Flags = AllocFlags.WatermarkLow | route.FastFlags;
    }
}
