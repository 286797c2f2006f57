using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <summary>No reclaim and no OOM killer: every step makes no progress.</summary>
public sealed class NoMemoryPressure : IMemoryPressure
{
    /// <summary>The one instance.</summary>
    public static readonly NoMemoryPressure Instance = new();

    private NoMemoryPressure()
    {
    }

    /// <inheritdoc/>
    public void WakeKswapd(Zone zone, Order order, GfpFlags gfp)
    {
    }

    /// <inheritdoc/>
    public ulong Reclaim(CpuId cpu, Order order, GfpFlags gfp) => 0;

    /// <inheritdoc/>
    public ulong CountReclaimable(Zone zone) => 0;

    /// <inheritdoc/>
    public bool KillProcess(CpuId cpu, Order order, GfpFlags gfp) => false;
}
