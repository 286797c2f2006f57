using Engine.Core.PerCpu;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <summary>Where a CPU puts freed frames of one zone and type.</summary>
internal readonly unsafe struct FreeRoute
{
    /// <summary>The state of the CPU's lists of the zone.</summary>
    public readonly PerCpuState* State;

    /// <summary>The state of the zone.</summary>
    public readonly ZoneState* ZoneState;

    /// <summary>The list of single frames of the type.</summary>
    public readonly PageStack* SingleFrames;

    /// <summary>The entries of the CPU's lists of the zone.</summary>
    public readonly uint* Pool;

    /// <summary>How many entries.</summary>
    public readonly uint EntryCount;

    /// <summary>The pageblocks whose frames come here: <see cref="PageBlock.ZoneAndType"/>.</summary>
    public readonly ushort Key;

    /// <summary>Fills an entry.</summary>
    public FreeRoute(PerCpuPages pages, int type)
    {
        State = pages.State;
        ZoneState = pages.ZoneState;
        SingleFrames = &pages.State->FirstList + PerCpuPages.ListOf(0, type);
        Pool = pages.Pool;
        EntryCount = pages.EntryCount;
        Key = PageBlock.MakeZoneAndType(pages.Zone.Index, type);
    }
}
