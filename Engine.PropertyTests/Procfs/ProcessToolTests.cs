using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Engine.Arm64.Exec;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Units;
using Engine.PropertyTests.Exec;
using Engine.PropertyTests.MmsimTests;
using Xunit;

namespace Engine.PropertyTests.Procfs;

/// <summary>Real programs read the tree of a machine that runs a program.</summary>
public sealed class ProcessToolTests
{
    private const string CanBindMount = "unshare -m sh -c 'mount --bind /tmp /mnt'";
    private const string Exporter = "prometheus-node-exporter";

    [PsutilFact]
    public void Psutil_reads_a_process()
    {
        using TemporaryFolder folder = new();
        using ExecWorld world = WriteTree(folder, out string root);
        string printed = PsutilFactAttribute.RunPython(
            $"import psutil; psutil.PROCFS_PATH = '{root}'; p = psutil.Process(1); m = p.memory_info(); f = p.memory_full_info(); "
            + "maps = p.memory_maps(grouped=False); "
            + "print(m.rss, m.vms, m.shared, f.uss, f.pss, sum(x.rss for x in maps), len(maps), p.name(), p.cmdline(), [x.path for x in maps if x.path.startswith('[')])")!;
        List<ProcEntry> entries = ProcReader.Parse(Read(world, "1/smaps"));
        ProcEntry rollup = ProcReader.Parse(Read(world, "1/smaps_rollup"))[0];
        ulong[] statm = [.. Read(world, "1/statm").Trim().Split(' ').Select(text => ulong.Parse(text, CultureInfo.InvariantCulture) * Pfn.PageSizeBytes)];
        ulong unique = (rollup.Values["Private_Clean"] + rollup.Values["Private_Dirty"]) << 10;
        Assert.Equal(
            $"{statm[1]} {statm[0]} {statm[2]} {unique} {rollup.Values["Pss"] << 10} {rollup.Values["Rss"] << 10} {entries.Count} demo ['demo', '-v'] [{NamesOf(entries)}]",
            printed);
    }

    [ToolFact(CanBindMount + " && pmap -V")]
    public void Pmap_reads_a_process()
    {
        using TemporaryFolder folder = new();
        using ExecWorld world = WriteTree(folder, out string root);
        string printed = ToolFactAttribute.Run($"unshare -m sh -c 'mount --bind {root} /proc && pmap -X 1'")!;
        List<ProcEntry> entries = ProcReader.Parse(Read(world, "1/smaps"));
        Assert.StartsWith("1:   demo -v", printed, StringComparison.Ordinal);
        foreach (ProcEntry entry in entries)
        {
            string line = Assert.Single(printed.Split('\n'), line => line.TrimStart().StartsWith($"{entry.Start:x8} ", StringComparison.Ordinal));
            string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            Assert.Equal((entry.Access, $"{entry.Values["Size"]}", $"{entry.Values["Rss"]}", $"{entry.Values["Pss"]}"), (fields[1], fields[5], fields[6], fields[7]));
        }
    }

    [ToolFact(Exporter + " --version && python3 --version")]
    public void Node_exporter_reads_the_machine()
    {
        using TemporaryFolder folder = new();
        using ExecWorld world = WriteTree(folder, out string root);
        int port = FindFreePort();
        string collectors = string.Concat(((string[])["meminfo", "vmstat", "buddyinfo", "zoneinfo", "slabinfo"]).Select(name => $" --collector.{name}"));
        string printed = ToolFactAttribute.Run(
            $"{Exporter} --path.procfs={root} --web.listen-address=127.0.0.1:{port} --collector.disable-defaults{collectors} 2>/dev/null & pid=$!; "
            + $"for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do python3 -c \"import urllib.request as u; print(u.urlopen('http://127.0.0.1:{port}/metrics').read().decode())\" 2>/dev/null && break; done; "
            + "kill $pid; wait $pid 2>/dev/null; true")!;
        Assert.Contains("node_scrape_collector_success{collector=\"meminfo\"} 1", printed, StringComparison.Ordinal);
        foreach (string collector in (string[])["vmstat", "buddyinfo", "zoneinfo", "slabinfo"])
        {
            Assert.Contains($"node_scrape_collector_success{{collector=\"{collector}\"}} 1", printed, StringComparison.Ordinal);
        }

        double total = world.Machine.Pages.ManagedPages * (double)Pfn.PageSizeBytes;
        string line = Assert.Single(printed.Split('\n'), line => line.StartsWith("node_memory_MemTotal_bytes ", StringComparison.Ordinal));
        Assert.Equal(total, double.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture));
    }

    private static int FindFreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static string NamesOf(List<ProcEntry> entries) =>
        string.Join(", ", entries.Where(entry => entry.Name.Length == 0 || entry.Name[0] == '[').Select(entry => $"'{(entry.Name.Length == 0 ? "[anon]" : entry.Name)}'"));

    private static ExecWorld WriteTree(TemporaryFolder folder, out string root)
    {
        ExecWorld world = new();
        ExecOptions options = new() { Arguments = ["demo", "-v"], Environment = ["A=b"], Randomization = AddressRandomization.Off };
        Assert.Equal(Errno.None, world.Exec(ElfBuilder.Usual().Build(), options).Errno);
        VirtAddr heap = world.Process.Memory.State.StartBrk;
        world.Process.Memory.Break(world.Cpu, heap + 0x3000);
        for (ulong i = 0; i < 3; i++)
        {
            world.Machine.Cpus[0].TryWrite(heap + (i * Pfn.PageSizeBytes), 1);
        }

        root = folder.PathOf("proc");
        world.Machine.Procfs.WriteTo(root);
        return world;
    }

    private static string Read(ExecWorld world, string name)
    {
        Assert.True(world.Machine.Procfs.TryRead(name, out string content));
        return content;
    }
}
