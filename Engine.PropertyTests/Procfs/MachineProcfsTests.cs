using System.Globalization;
using Engine.Core.Units;
using Engine.PropertyTests.Support;
using FsCheck;
using FsCheck.Fluent;
using Mmsim.Kmem;
using Xunit;

namespace Engine.PropertyTests.Procfs;

/// <summary>What the files say agrees with each other and with what was done, and real tools can read them.</summary>
public sealed class MachineProcfsTests
{
    private static readonly GfpFlags[] Flags = [GfpFlags.Kernel, GfpFlags.HighUserMovable, GfpFlags.Kernel | GfpFlags.Reclaimable];

    private static readonly Gen<(int Order, int Type, int Cpu, bool IsFree)> Operation =
        from order in Gen.Frequency((5, Gen.Choose(0, 3)), (1, Gen.Choose(4, 10)))
        from type in Gen.Choose(0, 2)
        from cpu in Gen.Choose(0, 1)
        from isFree in Gen.Elements(false, false, true)
        select (order, type, cpu, isFree);

    [Fact]
    public void The_files_agree_with_each_other_and_with_what_was_done() =>
        ModelProperty.Check(Operation, operations => Run(operations, 0), tests: 40, length: 150);

    [Fact]
    public void A_page_that_is_not_counted_would_be_caught() =>
        ModelProperty.MustFail(Operation, operations => Run(operations, 1), tests: 10);

    [Fact]
    public void Files_can_be_added_and_written_below_a_folder()
    {
        using ModelMemory model = ModelMemory.Boot(64 << 20, 1);
        string directory = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            model.Procfs.Register("pressure/memory", () => "some\n");
            model.Procfs.WriteTo(directory);
            Assert.Equal("some\n", File.ReadAllText(Path.Combine(directory, "pressure", "memory")));
            Assert.Equal(["buddyinfo", "meminfo", "pagetypeinfo", "pressure/memory", "vmstat", "zoneinfo"], model.Procfs.Names);
            foreach (string name in model.Procfs.Names)
            {
                Assert.True(model.Procfs.TryRead(name, out string content));
                Assert.Equal(content, File.ReadAllText(Path.Combine(directory, name)));
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }

        Assert.False(model.Procfs.TryRead("nothing", out _));
        Assert.Throws<ArgumentException>(() => model.Procfs.Register("../etc/passwd", () => ""));
    }

    [PsutilFact]
    public void Psutil_reads_the_tree()
    {
        using ModelMemory model = ModelMemory.Boot(256 << 20, 2);
        model.Procfs.Counters.Register("nr_file_pages", () => 1000);
        model.Procfs.Counters.Register("nr_inactive_file", () => 1000);
        model.Procfs.Counters.Register("SwapTotal", () => 8192);
        model.Procfs.Counters.Register("SwapFree", () => 4096);
        model.Procfs.Counters.Register("pswpin", () => 7);
        string directory = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            model.Procfs.WriteTo(directory);
            string printed = PsutilFactAttribute.RunPython(
                $"import psutil; psutil.PROCFS_PATH = '{directory}'; m = psutil.virtual_memory(); s = psutil.swap_memory(); "
                + "print(m.total, m.free, m.cached, m.available, s.total, s.free, s.sin)")!;
            Dictionary<string, ulong> info = ReadNumbers(model, "meminfo", ':');
            ulong[] expected = [info["MemTotal"] << 10, info["MemFree"] << 10, 1000 << 12, info["MemAvailable"] << 10, 8192 << 10, 4096 << 10, 7 << 12];
            Assert.Equal(expected, printed.Split(' ').Select(text => ulong.Parse(text, CultureInfo.InvariantCulture)));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static void Run(IReadOnlyList<(int Order, int Type, int Cpu, bool IsFree)> operations, int planted)
    {
        using ModelMemory model = ModelMemory.Boot(64 << 20, 2);
        List<(Pfn Pfn, int Order)> live = [];
        ulong allocated = (ulong)planted;
        ulong freed = 0;
        foreach ((int order, int type, int cpu, bool isFree) in operations)
        {
            if (isFree && live.Count > 0)
            {
                (Pfn pfn, int size) = live[^1];
                live.RemoveAt(live.Count - 1);
                model.Pages.Free(new CpuId(cpu), pfn, new Order(size));
                freed += 1ul << size;
            }
            else if (model.Pages.TryAllocate(new CpuId(cpu), new Order(order), Flags[type], out Pfn pfn))
            {
                live.Add((pfn, order));
                allocated += 1ul << order;
            }
        }

        Dictionary<string, ulong> stat = ReadNumbers(model, "vmstat", ' ');
        Assert.Equal(allocated, stat["pgalloc_dma"] + stat["pgalloc_dma32"] + stat["pgalloc_normal"] + stat["pgalloc_movable"]);
        Assert.Equal(freed, stat["pgfree"]);
        Assert.Equal(stat["numa_hit"], stat["numa_local"]);
        ulong listed = ReadNumbers(model, "zoneinfo", ':', "count");
        Assert.Equal(model.Pages.ManagedPages, stat["nr_free_pages"] + listed + allocated - freed);
        Assert.Equal(stat["nr_free_pages"], PagesIn(model, "buddyinfo", "Node 0, zone", row => true));
        Assert.Equal(stat["nr_free_pages"], PagesIn(model, "pagetypeinfo", "Node    0, zone", row => row.Contains("type", StringComparison.Ordinal)));
        Assert.Equal(stat["nr_free_pages"] * 4, ReadNumbers(model, "meminfo", ':')["MemFree"]);
    }

    private static Dictionary<string, ulong> ReadNumbers(ModelMemory model, string name, char separator)
    {
        Assert.True(model.Procfs.TryRead(name, out string text));
        return text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(separator, 2))
            .ToDictionary(parts => parts[0], parts => ulong.Parse(parts[1].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture));
    }

    private static ulong ReadNumbers(ModelMemory model, string name, char separator, string label)
    {
        Assert.True(model.Procfs.TryRead(name, out string text));
        return text.Split('\n').Select(line => line.Trim().Split(separator)).Where(parts => parts[0] == label)
            .Aggregate(0ul, (sum, parts) => sum + ulong.Parse(parts[1].Trim(), CultureInfo.InvariantCulture));
    }

    private static ulong PagesIn(ModelMemory model, string name, string start, Func<string, bool> isWanted)
    {
        Assert.True(model.Procfs.TryRead(name, out string text));
        ulong pages = 0;
        foreach (string row in text.Split('\n').Where(row => row.StartsWith(start, StringComparison.Ordinal) && isWanted(row)))
        {
            string[] numbers = row.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^Order.Count..];
            for (int order = 0; order < Order.Count; order++)
            {
                pages += ulong.Parse(numbers[order], CultureInfo.InvariantCulture) << order;
            }
        }

        return pages;
    }
}
