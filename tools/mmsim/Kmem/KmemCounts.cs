using Engine.Core.Units;
using Engine.Core.Zones;

namespace Mmsim.Kmem;

/// <summary>What the real kernel's events say, counted. All is taken from the trace alone.</summary>
internal sealed class KmemCounts
{
    /// <summary>The largest migrate type that a trace may name.</summary>
    public const int MigrateTypeMax = (int)MigrateType.Isolate;

    /// <summary>Events by kind.</summary>
    public long[] Events { get; } = new long[(int)KmemEventKind.ExtFrag + 1];

    /// <summary>Allocations by order, failed ones included.</summary>
    public long[] AllocByOrder { get; } = new long[Order.Count];

    /// <summary>Allocations by migrate type.</summary>
    public long[] AllocByMigrateType { get; } = new long[MigrateTypeMax + 1];

    /// <summary>Allocations by the number of their flags' text.</summary>
    public long[] AllocByGfp { get; private set; } = [];

    /// <summary>Frees by order.</summary>
    public long[] FreeByOrder { get; } = new long[Order.Count];

    /// <summary>Drained blocks by order.</summary>
    public long[] DrainByOrder { get; } = new long[Order.Count];

    /// <summary>Drained blocks by migrate type.</summary>
    public long[] DrainByMigrateType { get; } = new long[MigrateTypeMax + 1];

    /// <summary>Zone-locked allocations by migrate type.</summary>
    public long[] ZoneLockedByMigrateType { get; } = new long[MigrateTypeMax + 1];

    /// <summary>Zone-locked allocations by order.</summary>
    public long[] ZoneLockedByOrder { get; } = new long[Order.Count];

    /// <summary>Zone-locked allocations that filled a per-CPU list.</summary>
    public long ZoneLockedRefills { get; private set; }

    /// <summary>Extfrag events whose block was smaller than a pageblock.</summary>
    public long ExtFragFragmenting { get; private set; }

    /// <summary>Extfrag events that changed the pageblock's type.</summary>
    public long ExtFragOwnership { get; private set; }

    /// <summary>Allocations that failed in the real kernel.</summary>
    public long FailedAllocs { get; private set; }

    /// <summary>Frees of exactly a block that the trace has seen allocated.</summary>
    public long MatchedFrees { get; set; }

    /// <summary>Frees of blocks that were allocated before the trace began.</summary>
    public long UnknownFrees { get; set; }

    /// <summary>Pages in them.</summary>
    public long UnknownFreePages { get; set; }

    /// <summary>Frees that overlap a live block without being the whole of it.</summary>
    public long DifferingFrees { get; set; }

    /// <summary>Blocks handed out again although no free was seen.</summary>
    public long ReallocatedLive { get; set; }

    /// <summary>Counts one event.</summary>
    public void Add(in KmemEvent item)
    {
        Events[(int)item.Kind]++;
        switch (item.Kind)
        {
            case KmemEventKind.Alloc:
                AllocByOrder[item.Order]++;
                AllocByMigrateType[item.MigrateType]++;
                if (item.Gfp >= AllocByGfp.Length)
                {
                    long[] counts = AllocByGfp;
                    Array.Resize(ref counts, item.Gfp + 1);
                    AllocByGfp = counts;
                }

                AllocByGfp[item.Gfp]++;
                FailedAllocs += item.Pfn == 0 ? 1 : 0;
                break;
            case KmemEventKind.Free:
                FreeByOrder[item.Order]++;
                break;
            case KmemEventKind.PcpuDrain:
                DrainByOrder[item.Order]++;
                DrainByMigrateType[item.MigrateType]++;
                break;
            case KmemEventKind.ZoneLocked:
                ZoneLockedByOrder[item.Order]++;
                ZoneLockedByMigrateType[item.MigrateType]++;
                ZoneLockedRefills += item.IsRefill ? 1 : 0;
                break;
            case KmemEventKind.ExtFrag:
                ExtFragFragmenting += item.FallbackOrder < Order.PageBlockValue ? 1 : 0;
                ExtFragOwnership += item.IsOwnershipChange ? 1 : 0;
                break;
            default:
                break;
        }
    }
}
