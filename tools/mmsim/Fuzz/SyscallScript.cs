// Random scenario scripts. The names come from fixed sets, so that a script stays valid when lines are left out of it, as
// far as what remains allows; arguments are mostly sensible, and now and then anything at all.

using System.Globalization;

namespace Mmsim.Fuzz;

/// <summary>Makes random scenario scripts.</summary>
public sealed class SyscallScript
{
    private static readonly string[] Protections = ["none", "r", "rw", "rw", "rwx", "w", "x"];

    private static readonly string[] Advice =
    [
        "normal", "random", "sequential", "willneed", "dontneed", "free", "remove", "dontfork", "dofork", "wipeonfork", "keeponfork",
        "dontdump", "dodump", "cold", "populate_read", "populate_write", "dontneed_locked", "nohugepage", "hugepage", "mergeable", "unmergeable",
    ];

    private static readonly long[] Strange =
        [0, -1, -3, 1 << 20, 1L << 36, (1L << 36) - 1, 1L << 40, (1L << 50) - 1, long.MaxValue >> 13, -(1L << 30)];

    private const long GigabytesOfPages = 1 << 18;

    private readonly SplitMix64 random;
    private readonly List<string> lines = [];
    private readonly List<string> regions = ["heap"];
    private readonly List<string> processes = ["main"];
    private int born;

    private SyscallScript(ulong seed) => random = new SplitMix64(seed);

    /// <summary>A script of some 60 lines.</summary>
    public static IReadOnlyList<string> Make(ulong seed)
    {
        SyscallScript script = new(seed);
        script.lines.AddRange(["file F0 24", "shmfile F1 16", "file F2 8 ro"]);
        script.AddMap("main");
        script.AddMap("main");
        while (script.lines.Count < 60)
        {
            script.AddStep();
        }

        script.lines.AddRange(script.processes.Select(process => $"{process}: obs"));
        return script.lines;
    }

    /// <summary>
    /// Whether what a line gives depends on the machine: advice on a range that goes on for gigabytes comes to mappings that a process of
    /// the kernel has of its own, vDSO and all; whether gigabytes can be had depends on how many there are.
    /// </summary>
    public static bool DependsOnMachine(string line)
    {
        string[] words = line.Split(' ');
        return words.Any(word => word is "madvise" or "brk" or "mremap" || word.StartsWith("mmap", StringComparison.Ordinal))
            && words.Any(word => long.TryParse(word, CultureInfo.InvariantCulture, out long pages) && pages >= GigabytesOfPages);
    }

    private string Pick(IReadOnlyList<string> items) => items[random.Below(items.Count)];

    private string Number(int usual) =>
        (random.Below(16) == 0 ? Strange[random.Below(Strange.Length)] : random.Below(usual)).ToString(CultureInfo.InvariantCulture);

    // Where the heap lies relative to page tables and fault-around windows is not defined: no file is mapped there.
    private string MappedPlace() => $"{regions[1 + random.Below(regions.Count - 1)]} {Number(40)}";

    private string Place() => $"{Pick(regions)} {Number(40)}";

    private string Range() => $"{Place()} {Number(24)}";

    private string Small() => (random.Below(12) + 1).ToString(CultureInfo.InvariantCulture);

    private void AddMap(string process)
    {
        string name = $"R{regions.Count}";
        string source = random.Below(2) == 0 ? "anon" : $"file F{random.Below(3)} {Number(12)}";
        string options = random.Below(10) switch { 0 or 1 => " populate", 2 or 3 => " locked", 4 => " noreserve", 5 => " growsdown", _ => "" };
        string rest = $"{Number(40)} {Pick(Protections)} {(random.Below(2) == 0 ? "private" : "shared")} {source}{options}";
        lines.Add(random.Below(4) switch
        {
            0 when regions.Count > 1 => $"{process}: mmapat {name} {MappedPlace()} {rest}",
            1 when regions.Count > 1 => $"{process}: mmapnr {name} {MappedPlace()} {rest}",
            _ => $"{process}: mmap {name} {rest}",
        });
        regions.Add(name);
    }

    private void AddStep()
    {
        string process = Pick(processes);
        string P(string line) => $"{process}: {line}";
        switch (random.Below(20))
        {
            case 0 or 1:
                AddMap(process);
                return;
            case 2 when born < 6:
                string child = $"P{born++}";
                lines.Add(P($"fork {child}"));
                processes.Add(child);
                return;
            case 3 when processes.Count > 3:
                processes.Remove(process = processes[^1]);
                lines.Add(P("exit"));
                return;
            case 4:
                lines.Add(random.Below(6) switch
                {
                    0 => $"truncate F{random.Below(2)} {random.Below(24)}",
                    1 => $"punch F{random.Below(2)} {random.Below(24)} {Small()}",
                    2 => $"writefile F{random.Below(2)} {random.Below(24)} {random.Below(256)}",
                    3 => $"readfile F{random.Below(3)} {random.Below(24)} {Small()}",
                    4 => $"cached F{random.Below(3)} 0 26",
                    _ => $"fsync F{random.Below(3)}",
                });
                return;
            default:
                lines.Add(P(MakeCall()));
                return;
        }
    }

    private string MakeCall() => random.Below(18) switch
    {
        0 => $"munmap {Range()}",
        1 => $"mprotect {Range()} {Pick(Protections)}",
        2 or 3 => $"madvise {Range()} {Pick(Advice)}",
        4 => $"mlock {Range()}",
        5 => $"mlockof {Range()}",
        6 => $"munlock {Range()}",
        7 => $"msync {Range()}",
        8 => $"brk {Number(40)}",
        9 => $"mremap {Range()} {Number(24)}{Pick(["", " maymove", $" fixed {MappedPlace()}"])}",
        10 => $"read {Place()}",
        11 => $"readn {Place()} {Small()}",
        12 => $"writen {Place()} {Small()} {random.Below(256)}",
        13 => $"mremap {Range()} {Number(24)} dontunmap T{lines.Count}", // where nothing else is: below the top
        14 => $"pagemap {MappedPlace()} {Small()}",
        15 => $"mincore {Place()} {Small()}",
        16 => $"frames {MappedPlace()} {Small()} {string.Join(' ', processes)}",
        _ => $"write {Place()} {random.Below(256)}",
    };
}
