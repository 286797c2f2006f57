using Engine.Core.Units;

namespace Engine.Core.Zones;

/// <summary>The rules about zone kinds (include/linux/gfp.h).</summary>
public static class ZoneTypes
{
    /// <summary>How many kinds there are (<c>MAX_NR_ZONES</c> without device memory).</summary>
    public const int Count = 4;

    private static readonly string[] Names = ["DMA", "DMA32", "Normal", "Movable"];

    /// <summary>The name as <c>/proc/zoneinfo</c> prints it.</summary>
    public static string GetName(ZoneType type) => Names[(int)type];

    /// <summary>The highest zone that an allocation may use (<c>gfp_zone</c>); the zones below it are tried downward.</summary>
    /// <returns>False for a combination that Linux calls bad: two of DMA, DMA32 and HIGHMEM.</returns>
    public static bool TryFromGfp(GfpFlags gfp, out ZoneType type)
    {
        bool isMovable = (gfp & GfpFlags.Movable) != 0;
        switch (gfp & (GfpFlags.Dma | GfpFlags.HighMem | GfpFlags.Dma32))
        {
            case GfpFlags.None:
                type = ZoneType.Normal;
                return true;
            case GfpFlags.HighMem:
                type = isMovable ? ZoneType.Movable : ZoneType.Normal;
                return true;
            case GfpFlags.Dma:
                type = ZoneType.Dma;
                return true;
            case GfpFlags.Dma32:
                type = ZoneType.Dma32;
                return true;
            default:
                type = ZoneType.Normal;
                return false;
        }
    }
}
