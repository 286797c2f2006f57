namespace Engine.Core.Zones;

/// <summary>A zone's kind (<c>enum zone_type</c> as arm64 configures it: no highmem), low to high.</summary>
public enum ZoneType
{
    /// <summary>Reachable by the device with the fewest address bits; on most arm64 machines all memory below 4 GiB.</summary>
    Dma = 0,

    /// <summary>Reachable with 32 address bits, where <see cref="Dma"/> is smaller than that.</summary>
    Dma32 = 1,

    /// <summary>All other memory.</summary>
    Normal = 2,

    /// <summary>Memory that only movable pages may use.</summary>
    Movable = 3,
}
