using System.Globalization;
using Engine.Core.Zones;
using Engine.PropertyTests.Support;
using Xunit;

namespace Engine.PropertyTests.Zones;

/// <summary>Watermarks, reserves and list limits against known values of Linux.</summary>
public sealed class FormulaTests
{
    // Memory in MiB, THP, then min_free_kbytes, min, low, high, promo, batch, high_min, high_max: one zone, 8 CPUs.
    [Theory]
    [InlineData(64, false, 1024, 256, 320, 384, 448, 3, 40, 256)]
    [InlineData(256, false, 2048, 512, 640, 768, 896, 15, 80, 1024)]
    [InlineData(1024, false, 4096, 1024, 1286, 1548, 1810, 63, 252, 4096)]
    [InlineData(1024, true, 22528, 5632, 7040, 8448, 9856, 63, 880, 4096)]
    [InlineData(4096, false, 8192, 2048, 3096, 4144, 5192, 63, 387, 16384)]
    [InlineData(16384, false, 16384, 4096, 8290, 12484, 16678, 63, 1036, 65536)]
    [InlineData(16384, true, 22528, 5632, 9826, 14020, 18214, 63, 1228, 65536)]
    [InlineData(65536, false, 32768, 8192, 24969, 41746, 58523, 63, 3121, 262144)]
    [InlineData(64, true, 3200, 800, 1000, 1200, 1400, 3, 125, 256)]
    [InlineData(256, true, 12952, 3238, 4047, 4856, 5665, 15, 505, 1024)]
    public void One_zone_has_Linuxs_values(
        int mebibytes, bool isThp, uint minFree, uint min, uint low, uint high, uint promo, int batch, int highMin, int highMax)
    {
        ulong pages = (ulong)mebibytes << 8;
        uint kilobytes = Watermarks.ComputeMinFreeKilobytes(pages);
        Watermarks marks = Watermarks.Compute(ZoneType.Normal, pages, pages, kilobytes);
        if (isThp)
        {
            kilobytes = Watermarks.RaiseForHugePages(1, pages - marks.High, kilobytes);
            marks = Watermarks.Compute(ZoneType.Normal, pages, pages, kilobytes);
        }

        Assert.Equal(minFree, kilobytes);
        Assert.Equal(new Watermarks(min, low, high, promo), marks);
        Assert.Equal(new PerCpuLimits(batch, highMin, highMax), PerCpuLimits.Compute(pages, marks.Low, 8));
    }

    [Theory]
    [InlineData(1, 1, 10)]
    [InlineData(1, 16, 18)]
    [InlineData(4, 1, 30)]
    [InlineData(4, 16, 54)]
    [InlineData(8, 1, 40)]
    [InlineData(8, 16, 72)]
    [InlineData(64, 1, 70)]
    [InlineData(64, 16, 125)]
    public void The_counter_threshold_grows_with_CPUs_and_memory(int cpus, int gibibytes, int threshold) =>
        Assert.Equal(threshold, Watermarks.ComputeStatThreshold(cpus, (ulong)gibibytes << 18));

    [Theory]
    [InlineData(8)]
    [InlineData(16)]
    public void A_fraction_fixes_the_limit(int fraction)
    {
        PerCpuLimits limits = PerCpuLimits.Compute(1 << 20, 1286, 4, fraction);
        Assert.Equal((1 << 20) / fraction / 4, limits.HighMin);
        Assert.Equal(limits.HighMin, limits.HighMax);
    }

    [Fact]
    public void A_fraction_below_eight_is_refused() => Assert.Throws<ArgumentOutOfRangeException>(() => PerCpuLimits.Compute(1 << 20, 1286, 4, 7));

    [Fact]
    public void The_movable_zone_has_a_min_of_its_own()
    {
        Assert.Equal(32u, Watermarks.Compute(ZoneType.Movable, 0, 1 << 20, 67584).Min);
        Assert.Equal(128u, Watermarks.Compute(ZoneType.Movable, 1 << 20, 1 << 20, 67584).Min);
    }

    [SharedDataFact("data/machine/zonefacts.csv")]
    public void A_real_machines_zones_follow_the_formulas()
    {
        Dictionary<string, ulong> facts = [];
        foreach (string[] row in File.ReadLines(SharedData.Find("data/machine/zonefacts.csv")!).Skip(1).Select(line => line.Split(',')))
        {
            if (ulong.TryParse(row[3], CultureInfo.InvariantCulture, out ulong value))
            {
                facts[$"{row[0]},{row[1]},{row[2]}"] = value;
            }
        }

        ulong[] managed = [.. ((string[])["DMA", "DMA32", "Normal", "Movable"]).Select(zone => facts[$"zone_managed,{zone},"])];
        ulong lowmem = managed[0] + managed[1] + managed[2];
        uint minFree = (uint)facts["vm.min_free_kbytes,,0"];
        for (int i = 0; i < 4; i++)
        {
            string zone = ZoneTypes.GetName((ZoneType)i);
            Watermarks marks = Watermarks.Compute((ZoneType)i, managed[i], lowmem, minFree);
            Assert.Equal(facts[$"zone_min,{zone},"], marks.Min);
            Assert.Equal(facts[$"zone_low,{zone},"], marks.Low);
            Assert.Equal(facts[$"zone_high,{zone},"], marks.High);
            Assert.Equal(facts[$"zone_promo,{zone},"], marks.Promo);
            for (int highest = 0; highest < 4; highest++)
            {
                ulong reserve = highest <= i ? 0 : Watermarks.ComputeLowmemReserve(managed, (ZoneType)i, (ZoneType)highest, Watermarks.LowmemReserveRatioDefault);
                Assert.Equal(facts[$"lowmem_protection,{zone},{highest}"], reserve);
            }

            if (managed[i] == 0)
            {
                continue;
            }

            PerCpuLimits limits = PerCpuLimits.Compute(managed[i], marks.Low, 2);
            Assert.Equal(facts[$"pcp_batch,{zone},cpu0"], (ulong)limits.Batch);
            Assert.Equal(facts[$"pcp_high_min,{zone},cpu0"], (ulong)limits.HighMin);
            Assert.Equal(facts[$"pcp_high_max,{zone},cpu0"], (ulong)limits.HighMax);
            Assert.Equal(facts[$"zone_vm_stats_threshold,{zone},cpu0"], (ulong)Watermarks.ComputeStatThreshold(2, managed[i]));
        }
    }
}
