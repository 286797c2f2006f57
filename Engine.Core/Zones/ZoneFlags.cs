namespace Engine.Core.Zones;

/// <summary>A zone's flags (<c>enum zone_flags</c>).</summary>
[Flags]
public enum ZoneFlags
{
    /// <summary>None is set.</summary>
    None = 0,

    /// <summary>The watermarks were boosted and kswapd has not been told yet.</summary>
    BoostedWatermark = 1,

    /// <summary>Kswapd is reclaiming: per-CPU lists shrink.</summary>
    ReclaimActive = 2,

    /// <summary>Free memory fell below the high watermark: per-CPU lists stop growing.</summary>
    BelowHigh = 4,
}
