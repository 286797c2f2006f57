namespace Engine.Core.Zones;

/// <summary>Which watermark (<c>enum zone_watermarks</c>).</summary>
public enum Watermark
{
    /// <summary>Below it only reserves are left.</summary>
    Min = 0,

    /// <summary>Kswapd is woken below it.</summary>
    Low = 1,

    /// <summary>Kswapd's goal.</summary>
    High = 2,

    /// <summary>Kswapd's goal with memory tiering.</summary>
    Promo = 3,
}
