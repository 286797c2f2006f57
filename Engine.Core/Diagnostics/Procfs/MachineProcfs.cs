// The machine's /proc, as far as memory goes. Each file is a function from the machine to text or words, so that what is printed
// is always the state of the moment; other parts of the machine add files (slabinfo), folders (processes) and counters (page
// faults) of their own.

using System.Diagnostics.CodeAnalysis;
using Engine.Core.Buddy;
using Engine.Core.Zones;

namespace Engine.Core.Diagnostics.Procfs;

/// <summary>The memory files of <c>/proc</c>, byte for byte as Linux v6.9 prints them.</summary>
public sealed class MachineProcfs
{
    private readonly PageAllocator allocator;
    private readonly SortedDictionary<string, ProcFile> files = new(StringComparer.Ordinal);
    private readonly List<IProcFolder> folders = [];

    /// <summary>The files of a machine: <c>buddyinfo</c>, <c>pagetypeinfo</c>, <c>zoneinfo</c>, <c>vmstat</c> and <c>meminfo</c>.</summary>
    /// <param name="allocator">The machine's page allocator.</param>
    public MachineProcfs(PageAllocator allocator)
    {
        this.allocator = allocator;
        RegisterCounters();
        Register("buddyinfo", () => BuddyInfoText.Write(allocator));
        Register("pagetypeinfo", () => PageTypeInfoText.Write(allocator));
        Register("zoneinfo", () => ZoneInfoText.Write(allocator, Counters));
        Register("vmstat", () => VmStatText.Write(Counters));
        Register("meminfo", () => MemInfoText.Write(allocator, Counters));
    }

    /// <summary>Where the other parts of the machine register what they count.</summary>
    public ProcCounters Counters { get; } = new();

    /// <summary>The files' names: in alphabetical order, then folder by folder.</summary>
    public IReadOnlyCollection<string> Names => [.. files.Keys, .. folders.SelectMany(folder => folder.Names)];

    /// <summary>Adds a file, or replaces one.</summary>
    /// <param name="name">Its path below <c>/proc</c>, such as <c>slabinfo</c> or <c>pressure/memory</c>.</param>
    /// <param name="content">Its content at the time of the call.</param>
    public void Register(string name, Func<string> content) => Register(name, new ProcTextFile(content));

    /// <summary>Adds a file, or replaces one.</summary>
    /// <param name="name">Its path below <c>/proc</c>.</param>
    /// <param name="file">The file.</param>
    public void Register(string name, ProcFile file)
    {
        if (name.Length == 0 || Path.IsPathRooted(name) || name.Split('/').Any(part => part is "" or "." or ".."))
        {
            throw new ArgumentException($"'{name}' is not a path below /proc", nameof(name));
        }

        files[name] = file;
    }

    /// <summary>Adds files that come and go.</summary>
    public void Register(IProcFolder folder) => folders.Add(folder);

    /// <summary>Finds a file, text or words.</summary>
    /// <param name="name">Its path below <c>/proc</c>.</param>
    /// <param name="file">The file.</param>
    /// <returns>False where there is no such file now.</returns>
    public bool TryOpen(string name, [NotNullWhen(true)] out ProcFile? file)
    {
        if (files.TryGetValue(name, out file))
        {
            return true;
        }

        foreach (IProcFolder folder in folders)
        {
            if (folder.TryOpen(name, out file))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A text file's content now.</summary>
    /// <returns>False where there is no such file, or it is no text.</returns>
    public bool TryRead(string name, out string content)
    {
        content = TryOpen(name, out ProcFile? file) && file is ProcTextFile text ? text.ReadAll() : "";
        return file is ProcTextFile;
    }

    /// <summary>Writes all files below a folder, for programs that can be told where <c>/proc</c> is.</summary>
    /// <param name="directory">The folder; made where it does not exist, and existing files of these names are replaced.</param>
    /// <exception cref="IOException">The host refuses.</exception>
    public void WriteTo(string directory)
    {
        foreach (string name in Names)
        {
            if (TryOpen(name, out ProcFile? file))
            {
                string path = Path.Combine(directory, name);
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                file.WriteTo(path);
            }
        }
    }

    private void RegisterCounters()
    {
        Counters.Register("nr_free_pages", scope => Sum(scope, zone => zone.FreePages));
        Counters.Register("nr_free_cma", scope => Sum(scope, zone => zone.FreeCmaPages));
        Counters.Register("numa_hit", scope => Sum(scope, zone => Count(zone, report => unchecked(report.Allocations - report.NumaMisses))));
        Counters.Register("numa_miss", scope => Sum(scope, zone => Count(zone, report => report.NumaMisses)));
        Counters.Register("numa_foreign", scope => Sum(scope, zone => Count(zone, report => report.NumaForeign)));
        Counters.Register("numa_local", scope => Sum(scope, zone => Count(zone, report => unchecked(report.Allocations - report.NumaOther))));
        Counters.Register("numa_other", scope => Sum(scope, zone => Count(zone, report => report.NumaOther)));
        Counters.Register("pgfree", scope => Sum(scope, zone => Count(zone, report => report.FreedPages)));
        Counters.Register("pgmigrate_success", () => (ulong)allocator.Compaction.MigrateSuccess);
        Counters.Register("pgmigrate_fail", () => (ulong)allocator.Compaction.MigrateFail);
        Counters.Register("compact_migrate_scanned", () => (ulong)allocator.Compaction.MigrateScanned);
        Counters.Register("compact_free_scanned", () => (ulong)allocator.Compaction.FreeScanned);
        Counters.Register("compact_isolated", () => (ulong)allocator.Compaction.Isolated);
        Counters.Register("compact_stall", () => (ulong)allocator.Compaction.Stall);
        Counters.Register("compact_fail", () => (ulong)allocator.Compaction.Fail);
        Counters.Register("compact_success", () => (ulong)allocator.Compaction.Success);
        string[] suffixes = ["dma", "dma32", "normal", "movable"];
        for (ZoneType type = 0; (int)type < ZoneTypes.Count; type++)
        {
            ProcScope scope = new(null, type);
            Counters.Register($"pgalloc_{suffixes[(int)type]}", () => Sum(scope, zone => Count(zone, report => report.AllocatedPages)));
        }
    }

    private ulong Count(Zone zone, Func<ZoneReport, ulong> counter) => counter(allocator.GetZoneReport(zone));

    private ulong Sum(ProcScope scope, Func<Zone, ulong> counter)
    {
        ulong sum = 0;
        foreach (Zone zone in allocator.Zones)
        {
            if ((scope.Node is null || scope.Node == zone.Node) && (scope.Zone is null || scope.Zone == zone.Type))
            {
                sum = unchecked(sum + counter(zone));
            }
        }

        return sum;
    }
}
