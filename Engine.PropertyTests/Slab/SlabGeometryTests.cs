using System.Globalization;
using Engine.Core.Slab;
using Engine.PropertyTests.Support;
using Xunit;

namespace Engine.PropertyTests.Slab;

/// <summary>Geometry against tables: what Linux's formulas give, and what a real machine shows.</summary>
public sealed class SlabGeometryTests
{
    private static readonly int[] KmallocBytes = [8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192];

    [Theory]
    [InlineData(1, "0/512 0/256 0/128 0/64 0/42 0/32 0/21 0/16 0/8 1/8 2/8 3/8 3/4")]
    [InlineData(2, "0/512 0/256 0/128 0/64 0/42 0/32 0/21 0/16 1/16 2/16 3/16 3/8 3/4")]
    [InlineData(4, "0/512 0/256 0/128 0/64 0/42 0/32 0/21 0/16 1/16 2/16 3/16 3/8 3/4")]
    [InlineData(8, "0/512 0/256 0/128 0/64 0/42 0/32 0/21 1/32 2/32 3/32 3/16 3/8 3/4")]
    [InlineData(16, "0/512 0/256 0/128 0/64 0/42 0/32 1/42 1/32 2/32 3/32 3/16 3/8 3/4")]
    [InlineData(64, "0/512 0/256 0/128 0/64 0/42 0/32 1/42 1/32 2/32 3/32 3/16 3/8 3/4")]
    [InlineData(128, "0/512 0/256 0/128 0/64 0/42 1/64 1/42 2/64 3/64 3/32 3/16 3/8 3/4")]
    public void Kmalloc_slabs_have_Linuxs_order_and_objects(int cpuCount, string expected)
    {
        IEnumerable<string> found = KmallocBytes
            .Select(size => SlabGeometry.Compute(size, size is 96 or 192 ? 8 : size, SlabFlags.Kmalloc, false, cpuCount))
            .Select(geometry => $"{geometry.SlabOrder}/{geometry.ObjectsPerSlab}");
        Assert.Equal(expected, string.Join(' ', found));
    }

    [Fact]
    public void Cpu_partial_and_min_partial_are_Linuxs_for_eight_cpus()
    {
        SlabGeometry[] all = [.. KmallocBytes.Select(size => SlabGeometry.Compute(size, 8, SlabFlags.Kmalloc, false, 8))];
        Assert.Equal([1, 1, 2, 4, 6, 8, 12, 4, 4, 2, 3, 2, 3], all.Select(geometry => geometry.CpuPartialSlabs));
        Assert.Equal([5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 6, 6], all.Select(geometry => geometry.MinPartial));
    }

    [Theory]
    [InlineData(64, SlabFlags.None, 64, 64, 32, 0)]
    [InlineData(20, SlabFlags.None, 24, 24, 8, 0)]
    [InlineData(64, SlabFlags.Poison, 72, 64, 64, 0)]
    [InlineData(64, SlabFlags.RedZone, 88, 72, 32, 8)]
    [InlineData(20, SlabFlags.RedZone, 40, 24, 8, 8)]
    [InlineData(64, SlabFlags.StoreUser, 128, 64, 32, 0)]
    [InlineData(64, SlabFlags.RedZone | SlabFlags.Poison | SlabFlags.StoreUser, 160, 72, 72, 8)]
    public void Debug_options_add_their_bytes(int objectBytes, SlabFlags flags, int sizeBytes, int inUseBytes, int freePointerOffset, int redLeftPadBytes)
    {
        SlabGeometry geometry = SlabGeometry.Compute(objectBytes, 8, flags, false, 8);
        Assert.Equal((sizeBytes, inUseBytes, freePointerOffset, redLeftPadBytes), (geometry.SizeBytes, geometry.InUseBytes, geometry.FreePointerOffset, geometry.RedLeftPadBytes));
    }

    /// <summary>Every cache of a real machine with two CPUs: size, objects and pages per slab, min_partial and cpu_partial.</summary>
    [SharedDataFact("data/machine/slabfacts.csv")]
    public void All_caches_of_a_real_machine_have_their_geometry()
    {
        string[] lines = File.ReadAllLines(SharedData.Find("data/machine/slabfacts.csv")!);
        string[] names = lines[0].Split(',');
        Assert.True(lines.Length > 200);
        foreach (string line in lines.Skip(1))
        {
            Dictionary<string, string> row = names.Zip(line.Split(',')).ToDictionary(pair => pair.First, pair => pair.Second);
            int Number(string column) => int.Parse(row[column], CultureInfo.InvariantCulture);

            // A free pointer outside the object is not told by the columns; the size with it is.
            int size = Number("sys_object_size") + 8 <= Number("sys_slab_size") ? Number("sys_slab_size") : Number("sys_object_size");
            SlabGeometry geometry = SlabGeometry.Compute(size, Number("sys_align"), SlabFlags.None, false, 2);
            Assert.Equal(
                (row["name"], Number("sys_slab_size"), Number("sys_objs_per_slab"), Number("sys_order"), Number("sys_min_partial"), Number("sys_cpu_partial")),
                (row["name"], geometry.SizeBytes, geometry.ObjectsPerSlab, geometry.SlabOrder.ToInt32(), geometry.MinPartial, geometry.CpuPartialObjects));
            Assert.Equal(Number("slabinfo_pagesperslab"), geometry.PagesPerSlab);
        }
    }
}
