using System.Globalization;
using System.Text;

namespace Engine.Core.Slab;

/// <summary>The text of <c>/proc/slabinfo</c> (mm/slab_common.c, Linux v6.9): one line a cache, the youngest first.</summary>
public static class SlabInfo
{
    private const string Header =
        "slabinfo - version: 2.1\n"
        + "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor>"
        + " : slabdata <active_slabs> <num_slabs> <sharedavail>\n";

    /// <summary>Writes the file.</summary>
    /// <param name="system">The caches.</param>
    public static string Format(SlabSystem system)
    {
        StringBuilder text = new(Header);
        foreach (SlabCache cache in system.Caches.Reverse())
        {
            ulong total = cache.ObjectCount;
            ulong free = Math.Min(cache.PartialFreeObjects, total);
            ulong slabs = cache.SlabCount;
            text.Append(
                CultureInfo.InvariantCulture,
                $"{cache.Name,-17} {total - free,6} {total,6} {cache.Geometry.SizeBytes,6} {cache.Geometry.ObjectsPerSlab,4} {cache.Geometry.PagesPerSlab,4}");
            text.Append(CultureInfo.InvariantCulture, $" : tunables {0,4} {0,4} {0,4} : slabdata {slabs,6} {slabs,6} {0,6}\n");
        }

        return text.ToString();
    }
}
