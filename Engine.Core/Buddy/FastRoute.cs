using Engine.Core.PerCpu;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <summary>What the fast path needs of a CPU's route, in one entry of 64 bytes.</summary>
internal readonly unsafe struct FastRoute
{
    /// <summary>The CPU's lists of the zone that is tried first; null where the flags contradict each other or no zone is allowed.</summary>
    public readonly PerCpuPages? Pages;

    /// <summary>The state of <see cref="Pages"/>; null with it.</summary>
    public readonly PerCpuState* State;

    /// <summary>The state of the zone.</summary>
    public readonly ZoneState* ZoneState;

    /// <summary>What the zone's free memory is compared with: its <see cref="Zones.ZoneState.FastMark"/> for the highest zone allowed.</summary>
    public readonly long* Mark;

    /// <summary>The list of single frames of the type.</summary>
    public readonly PageStack* SingleFrames;

    /// <summary>The entries of the CPU's lists of the zone.</summary>
    public readonly uint* Pool;

    /// <summary>How many entries.</summary>
    public readonly uint EntryCount;

    /// <summary>What the first attempt may use.</summary>
    public readonly AllocFlags Flags;

    /// <summary>The migrate type.</summary>
    public readonly int Type;

    /// <summary>Fills an entry.</summary>
    public FastRoute(PerCpuPages? pages, AllocationRoute route)
    {
        Type = (int)route.Type;
        Flags = AllocFlags.WatermarkLow | route.FastFlags;
        Pages = pages;
        if (pages is not null)
        {
            State = pages.State;
            ZoneState = pages.ZoneState;
            Mark = &pages.ZoneState->FastMark[0] + (int)route.Highest;
            SingleFrames = &pages.State->FirstList + PerCpuPages.ListOf(0, Type);
            Pool = pages.Pool;
            EntryCount = pages.EntryCount;
        }
    }
}
