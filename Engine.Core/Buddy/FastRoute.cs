using Engine.Core.PerCpu;

namespace Engine.Core.Buddy;

/// <summary>What the fast path needs of a CPU's route, in one entry of 64 bytes.</summary>
internal readonly unsafe struct FastRoute
{
    /// <summary>The CPU's lists of the zone that is tried first; null where the flags contradict each other or no zone is allowed.</summary>
    public readonly PerCpuPages? Pages;

    /// <summary>The state of <see cref="Pages"/>; of any lists of the CPU where there are none.</summary>
    public readonly PerCpuState* State;

    /// <summary>The state of the part of the zone that is taken from first.</summary>
    public readonly FreePart* Part;

    /// <summary>What the zone's free memory is compared with: its <see cref="Zones.ZoneState.FastMark"/> for the highest zone allowed.</summary>
    public readonly long* Mark;

    /// <summary>The list of single frames of the type.</summary>
    public readonly PageStack* SingleFrames;

    /// <summary>The entries of the CPU's lists of the zone.</summary>
    public readonly uint* Pool;

    /// <summary>How many entries; none where <see cref="Pages"/> is null, so that no list entry is ever used.</summary>
    public readonly uint EntryCount;

    /// <summary>What the first attempt may use.</summary>
    public readonly AllocFlags Flags;

    /// <summary>The migrate type.</summary>
    public readonly int Type;

    /// <summary>Fills an entry.</summary>
    /// <param name="pages">The lists to take from, or null.</param>
    /// <param name="any">Some lists of the CPU, for what is read before it is known that there are none.</param>
    /// <param name="route">What the flags mean.</param>
    public FastRoute(PerCpuPages? pages, PerCpuPages any, AllocationRoute? route)
    {
        Pages = route is null ? null : pages;
        PerCpuPages shown = Pages ?? any;
        Type = route is null ? 0 : (int)route.Type;
        Flags = AllocFlags.WatermarkLow | (route?.FastFlags ?? 0);
        State = shown.State;
        Part = shown.OwnPart;
        Mark = &shown.ZoneState->FastMark[0] + (route?.Highest ?? 0);
        SingleFrames = &shown.State->FirstList + PerCpuPages.ListOf(0, Type);
        Pool = shown.Pool;
        EntryCount = Pages is null ? 0 : shown.EntryCount;
    }
}
