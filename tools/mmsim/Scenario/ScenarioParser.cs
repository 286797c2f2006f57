// Scenario scripts: one operation a line, words separated by blanks, `#` starts a comment, `P:` in front names the process.
// Everything that can be judged without running is judged here; names are looked up when the script runs.

using Engine.Arm64.Processes;
using Mmsim.Cli;

namespace Mmsim.Scenario;

/// <summary>Parses scenario scripts.</summary>
internal static class ScenarioParser
{
    /// <summary>The process that acts where no other is named.</summary>
    public const string MainProcess = "main";

    /// <summary>The longest range of an operation that looks at pages one by one.</summary>
    public const int PagesMax = 4096;

    /// <summary>The longest range of an operation that touches pages one by one.</summary>
    public const int AccessedPagesMax = 1 << 24;

    /// <summary>Parses a script.</summary>
    /// <param name="name">The file's name, for messages.</param>
    /// <param name="lines">Its lines.</param>
    /// <exception cref="InputException">An unknown operation, a wrong count or a wrong word.</exception>
    public static IReadOnlyList<ScenarioOperation> Parse(string name, IEnumerable<string> lines)
    {
        List<ScenarioOperation> operations = [];
        int number = 0;
        foreach (string line in lines)
        {
            ScenarioWords words = new(name, ++number, line);
            if (!words.IsEmpty)
            {
                ScenarioOperation operation = ParseLine(words);
                words.ExpectEnd();
                operations.Add(operation);
            }
        }

        return operations;
    }

    private static ScenarioOperation ParseLine(ScenarioWords words)
    {
        string word = words.Next("an operation");
        string? process = null;
        if (word.EndsWith(':'))
        {
            process = word[..^1];
            word = words.Next("an operation");
        }
        else if (ParseFileOperation(words, word) is { } operation)
        {
            return operation;
        }

        return ParseProcessOperation(words, word) with { Process = process ?? MainProcess };
    }

    private static ScenarioOperation? ParseFileOperation(ScenarioWords words, string word)
    {
        ScenarioOperation New(ScenarioOperationKind kind) => new() { Line = words.Line, Word = word, Kind = kind };
        ScenarioOperation Named(ScenarioOperationKind kind) => New(kind) with { Name = words.NextName("a file") };
        return word switch
        {
            "file" or "shmfile" => Named(ScenarioOperationKind.CreateFile) with
            {
                IsSet = word == "shmfile",
                Count = words.NextNumber("pages", 0, 1 << 20),
                IsReadOnly = words.Accept("ro"),
            },
            "evict" => Named(ScenarioOperationKind.Evict),
            "warm" => Named(ScenarioOperationKind.Warm),
            "fsync" => Named(ScenarioOperationKind.SyncFile),
            "truncate" => Named(ScenarioOperationKind.Truncate) with { Count = words.NextNumber("pages") },
            "punch" => Named(ScenarioOperationKind.PunchHole) with { Offset = words.NextNumber("a page"), Count = words.NextNumber("pages") },
            "writefile" => Named(ScenarioOperationKind.WriteFile) with { Offset = words.NextNumber("a page"), Value = unchecked((byte)words.NextNumber("a value")) },
            "readfile" => Named(ScenarioOperationKind.ReadFile) with { Offset = words.NextNumber("a page"), Count = words.NextNumber("pages", 1, 64) },
            "cached" => Named(ScenarioOperationKind.ShowCached) with { Offset = words.NextNumber("a page"), Count = words.NextNumber("pages", 1, PagesMax) },
            "swapon" => New(ScenarioOperationKind.SwapOn) with { Count = words.NextNumber("MiB", 1, 1 << 20) },
            "thpset" => New(ScenarioOperationKind.SetHugePages) with { Name = words.Next("a setting"), Other = words.Next("its value") },
            _ => null,
        };
    }

    private static ScenarioOperation ParseProcessOperation(ScenarioWords words, string word)
    {
        ScenarioOperation New(ScenarioOperationKind kind) => new() { Line = words.Line, Word = word, Kind = kind };
        ScenarioOperation Placed(ScenarioOperationKind kind) =>
            New(kind) with { Name = words.NextName("a region"), Offset = words.NextNumber("a page") };
        ScenarioOperation Range(ScenarioOperationKind kind, long min = long.MinValue) =>
            Placed(kind) with { Count = words.NextNumber("pages", Math.Max(min, int.MinValue), min == 1 ? PagesMax : long.MaxValue >> 13) };
        ScenarioOperation Accessed(ScenarioOperationKind kind) =>
            Placed(kind) with { Count = words.NextNumber("pages", int.MinValue, AccessedPagesMax) };
        ScenarioOperation Written(ScenarioOperation operation) => operation with { Value = unchecked((byte)words.NextNumber("a value")) };
        return word switch
        {
            "mmap" => ParseMap(words, New(ScenarioOperationKind.Map) with { Name = words.NextName("a new region") }),
            "mmapany" => ParseMap(words, New(ScenarioOperationKind.MapAnywhere) with { Name = words.NextName("a new region") }),
            "mmapat" => ParseMap(words, ParseBase(words, New(ScenarioOperationKind.MapAt))),
            "mmapnr" => ParseMap(words, ParseBase(words, New(ScenarioOperationKind.MapNoReplace))),
            "munmap" => Range(ScenarioOperationKind.Unmap),
            "mprotect" => Range(ScenarioOperationKind.Protect) with { Protection = words.NextProtection() },
            "madvise" => Range(ScenarioOperationKind.Advise) with { Advice = words.NextAdvice() },
            "mlock" => Range(ScenarioOperationKind.Lock),
            "mlockof" => Range(ScenarioOperationKind.LockOnFault),
            "munlock" => Range(ScenarioOperationKind.Unlock),
            "msync" => Range(ScenarioOperationKind.Sync),
            "mremap" => ParseRemap(words, Range(ScenarioOperationKind.Remap) with { NewCount = words.NextNumber("pages") }),
            "brk" => New(ScenarioOperationKind.Break) with { Count = words.NextNumber("pages") },
            "thp" => New(ScenarioOperationKind.SetThp) with { IsSet = ParseOnOff(words) },
            "read" => Placed(ScenarioOperationKind.Read),
            "write" => Written(Placed(ScenarioOperationKind.Write)),
            "readn" => Accessed(ScenarioOperationKind.ReadMany),
            "writen" => Written(Accessed(ScenarioOperationKind.WriteMany)),
            "fork" => New(ScenarioOperationKind.Fork) with { Name = words.NextName("a new process") },
            "exit" => New(ScenarioOperationKind.Exit) with { Name = words.HasMore ? words.NextName("a process") : "" },
            "memlimit" => New(ScenarioOperationKind.LimitMemory) with { Count = words.NextNumber("pages", 0) },
            "obs" => New(ScenarioOperationKind.Observe),
            "pt" => New(ScenarioOperationKind.ShowPageTables),
            "pagemap" => Range(ScenarioOperationKind.ShowPageMap, min: 1),
            "mincore" => Range(ScenarioOperationKind.ShowResident, min: 1),
            "frames" => ParseFrames(words, Range(ScenarioOperationKind.ShowFrames, min: 1)),
            _ => throw words.Error($"unknown operation '{word}'", "an operation such as mmap, write, fork or obs"),
        };
    }

    private static ScenarioOperation ParseBase(ScenarioWords words, ScenarioOperation operation) => operation with
    {
        Name = words.NextName("a new region"),
        Other = words.NextName("a region"),
        OtherOffset = words.NextNumber("a page"),
    };

    private static ScenarioOperation ParseMap(ScenarioWords words, ScenarioOperation operation)
    {
        long count = words.NextNumber("pages");
        MemoryProtection protection = words.NextProtection();
        string share = words.Next("private or shared");
        MapFlags flags = share switch
        {
            "private" => MapFlags.Private,
            "shared" => MapFlags.Shared,
            _ => throw words.Error($"'{share}' in place of a kind of sharing", "private or shared"),
        };
        string source = words.Next("anon or file");
        string file = "";
        long fileOffset = 0;
        if (source == "anon")
        {
            flags |= MapFlags.Anonymous;
        }
        else if (source == "file")
        {
            file = words.NextName("a file");
            fileOffset = words.NextNumber("a page of the file");
        }
        else
        {
            throw words.Error($"'{source}' in place of a source", "anon or file");
        }

        return operation with
        {
            Count = count,
            Protection = protection,
            MapFlags = flags | ParseMapOptions(words),
            File = file,
            FileOffset = fileOffset,
        };
    }

    private static MapFlags ParseMapOptions(ScenarioWords words)
    {
        MapFlags flags = MapFlags.None;
        while (words.HasMore)
        {
            string option = words.Next("an option");
            flags |= option switch
            {
                "populate" => MapFlags.Populate,
                "locked" => MapFlags.Locked,
                "growsdown" => MapFlags.GrowsDown,
                "noreserve" => MapFlags.NoReserve,
                _ => throw words.Error($"unexpected '{option}'", "populate, locked, growsdown or noreserve"),
            };
        }

        return flags;
    }

    private static ScenarioOperation ParseRemap(ScenarioWords words, ScenarioOperation operation)
    {
        if (words.Accept("maymove"))
        {
            return operation with { RemapFlags = RemapFlags.MayMove, Other = words.HasMore ? words.NextName("a new region") : "" };
        }

        if (words.Accept("fixed"))
        {
            return operation with
            {
                RemapFlags = RemapFlags.MayMove | RemapFlags.Fixed,
                Other = words.NextName("a region"),
                OtherOffset = words.NextNumber("a page"),
            };
        }

        return words.Accept("dontunmap")
            ? operation with { RemapFlags = RemapFlags.MayMove | RemapFlags.DontUnmap, Other = words.NextName("a new region") }
            : operation;
    }

    private static bool ParseOnOff(ScenarioWords words)
    {
        string word = words.Next("on or off");
        return word is "on" or "off" ? word == "on" : throw words.Error($"thp '{word}'", "on or off");
    }

    private static ScenarioOperation ParseFrames(ScenarioWords words, ScenarioOperation operation)
    {
        List<string> processes = [];
        while (words.HasMore)
        {
            processes.Add(words.NextName("a process"));
        }

        if (operation.Count * Math.Max(1, processes.Count) > PagesMax)
        {
            throw words.Error("frames: too many pages", $"at most {PagesMax} over all processes");
        }

        return operation with { Processes = processes };
    }
}
