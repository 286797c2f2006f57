using System.Globalization;
using FsCheck;
using FsCheck.Fluent;

namespace Engine.PropertyTests.Kmem;

/// <summary>One event of a made-up trace.</summary>
internal readonly record struct TraceLine(TraceLineKind Kind, int Cpu, uint Pfn, int Order, int MigrateType)
{
    private static readonly string[] Flags = ["GFP_KERNEL", "GFP_HIGHUSER_MOVABLE|__GFP_ZERO|__GFP_COMP", "GFP_KERNEL|__GFP_RECLAIMABLE"];

    /// <summary>Few frames, so that frees meet allocations; a block is aligned to its size.</summary>
    public static Gen<TraceLine> Generator { get; } =
        from kind in Gen.Elements(Enum.GetValues<TraceLineKind>())
        from cpu in Gen.Choose(0, 3)
        from order in Gen.Frequency((6, Gen.Constant(0)), (2, Gen.Choose(1, 3)), (1, Gen.Choose(4, 6)))
        from page in Gen.Choose(0, 127)
        from type in Gen.Choose(0, 2)
        select new TraceLine(kind, cpu, 0x18200u + ((uint)page >> order << order), order, type);

    /// <summary>The line as ftrace writes it.</summary>
    public string ToText(int index)
    {
        string body = string.Create(CultureInfo.InvariantCulture, $"page=00000000deadbeef pfn=0x{Pfn:x} order={Order}");
        string text = Kind switch
        {
            TraceLineKind.Alloc => $"mm_page_alloc: {body} migratetype={MigrateType} gfp_flags={Flags[MigrateType]}",
            TraceLineKind.Free => $"mm_page_free: {body}",
            TraceLineKind.FreeBatched => $"mm_page_free_batched: page=00000000deadbeef pfn=0x{Pfn:x} order=0",
            TraceLineKind.PcpuDrain => $"mm_page_pcpu_drain: {body} migratetype={MigrateType}",
            TraceLineKind.ZoneLocked => $"mm_page_alloc_zone_locked: {body} migratetype={MigrateType} percpu_refill={Pfn & 1}",
            TraceLineKind.ExtFrag => $"mm_page_alloc_extfrag: page=00000000deadbeef pfn=0x{Pfn:x} alloc_order={Order} fallback_order=9 pageblock_order=9 "
                + $"alloc_migratetype={MigrateType} fallback_migratetype=1 fragmenting=0 change_ownership=1",
            _ => "tracing_mark_write: mm_page_free: page=00000000deadbeef pfn=0x18200 order=0",
        };
        string name = (index % 5) switch { 0 => "<...>", 1 => ".NET DebugPipe", 2 => "a-1 [0] 1.0: b:", _ => "cc1" };
        return string.Create(CultureInfo.InvariantCulture, $"{name,16}-{1000 + index,-7} [{Cpu:000}] ..... {index / 50.0,12:0.000000}: {text}\n");
    }

    /// <summary>Tells the naive model.</summary>
    public void ApplyTo(NaiveKmem naive)
    {
        switch (Kind)
        {
            case TraceLineKind.Alloc:
                naive.Alloc(Pfn, Order);
                break;
            case TraceLineKind.Free:
                naive.Free(Pfn, Order);
                break;
            case TraceLineKind.FreeBatched:
                naive.FreeBatched(Pfn);
                break;
            default:
                break;
        }
    }
}
