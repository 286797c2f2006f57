namespace Engine.Core.Buddy;

/// <summary>What one attempt may use (mm/internal.h: <c>ALLOC_…</c>), with Linux's values; the two lowest bits are the watermark.</summary>
[Flags]
internal enum AllocFlags
{
    /// <summary>Down to the min watermark.</summary>
    WatermarkMin = 0,

    /// <summary>Down to the low watermark.</summary>
    WatermarkLow = 1,

    /// <summary>Down to the high watermark.</summary>
    WatermarkHigh = 2,

    /// <summary>The bits that name the watermark.</summary>
    WatermarkMask = 3,

    /// <summary>No watermark holds.</summary>
    NoWatermarks = 4,

    /// <summary>An OOM victim: half of the reserve, and the high-atomic pageblocks.</summary>
    Oom = 8,

    /// <summary>The caller cannot wait: a quarter more of the reserve.</summary>
    NonBlock = 0x10,

    /// <summary>Half of the reserve (<c>__GFP_HIGH</c>).</summary>
    MinReserve = 0x20,

    /// <summary>Obeys the cpuset.</summary>
    Cpuset = 0x40,

    /// <summary>May use CMA pageblocks.</summary>
    Cma = 0x80,

    /// <summary>Rather another zone than mixing types in a pageblock.</summary>
    NoFragment = 0x100,

    /// <summary>May use the high-atomic reserve.</summary>
    HighAtomic = 0x200,

    /// <summary>Kswapd may be woken.</summary>
    Kswapd = 0x800,

    /// <summary>Whatever opens the reserves.</summary>
    Reserves = Oom | NonBlock | MinReserve,
}
