using System.CommandLine;
using System.Text.Json;
using Engine.Core.PageCache;
using Engine.Core.Units;
using Mmsim.Cli;
using Mmsim.Readahead;

namespace Mmsim.Commands;

/// <summary><c>mmsim readahead</c>: replays a recording's accesses and prints what they bring into the page cache.</summary>
internal static class ReadaheadCommand
{
    private const ulong KbPerPage = Pfn.PageSizeBytes >> 10;
    private const ulong DefaultFilePages = 16384;

    private static readonly Argument<string> Pattern = new("pattern")
    {
        Description = "The recording: CSV with the columns pattern, access_no, access_kind, page_index; plain, .zst or .gz, - for standard input.",
        HelpName = "PATTERN.csv",
    };

    private static readonly Option<ulong> RaKb = new("--ra-kb")
    {
        Description = "The device's readahead window in KiB (read_ahead_kb).",
        HelpName = "N",
        Required = true,
    };

    private static readonly Option<ulong> IoKb = new("--io-kb")
    {
        Description = "The device's largest request in KiB (max_sectors_kb).",
        HelpName = "N",
        DefaultValueFactory = _ => 1280,
    };

    private static readonly Option<ulong> PagesPerAccess = new("--pages-per-access")
    {
        Description = "Pages that each access reads.",
        HelpName = "N",
        DefaultValueFactory = _ => 1,
    };

    private static readonly Option<ulong?> FilePages = new("--file-pages")
    {
        Description = "Pages in the file (default: 16384, or as many as the accesses need).",
        HelpName = "N",
    };

    private static readonly Option<string> Advice = new("--advice")
    {
        Description = "What the program told the kernel (posix_fadvise for reads, madvise for touches).",
        HelpName = "normal|random|sequential",
        DefaultValueFactory = _ => "normal",
    };

    private static readonly Option<int> Descriptors = new("--descriptors")
    {
        Description = "Open descriptors, which the accesses use in turn.",
        HelpName = "N",
        DefaultValueFactory = _ => 1,
    };

    private static readonly Option<string> Kernel = KernelOption.Create();

    private static readonly Option<int> FolioOrder = new("--folio-order")
    {
        Description = "Order of the file system's largest folio, 0 (single pages) to 9 (2 MiB).",
        HelpName = "N",
        DefaultValueFactory = _ => 9,
    };

    private static readonly Option<string?> Only = new("--only")
    {
        Description = "Replay this pattern of the recording, and no other.",
        HelpName = "NAME",
    };

    private static readonly Option<bool> Check = new("--check")
    {
        Description = "Compare with the recording's own columns; exit code 1 where any access differs.",
    };

    public static Command Create()
    {
        Command command = new("readahead", "Replays accesses to a file and prints which folios each brings into the page cache.")
        {
            Pattern, RaKb, IoKb, PagesPerAccess, FilePages, Advice, Descriptors, Kernel, FolioOrder, Only, Check,
        };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        string path = parsed.GetValue(Pattern)!;
        string? only = parsed.GetValue(Only);
        RecordedAccess[] accesses = [.. RecordingInput.Read(path).Where(access => only is null || access.Pattern == only)];
        if (accesses.Length == 0)
        {
            throw new InputException(path, null, only is null ? "no accesses" : $"no pattern '{only}'", "at least one access");
        }

        ReadaheadReplayOptions options = GetOptions(parsed, path, accesses);
        bool isChecked = parsed.GetValue(Check);
        string? json = parsed.GetValue(GeneralOptions.Json);
        bool printsRows = !parsed.GetValue(GeneralOptions.Quiet) && !isChecked && json != "-";
        using TextWriter output = printsRows ? new StreamWriter(Console.OpenStandardOutput()) : TextWriter.Null;
        output.Write(ReadaheadRecording.Header + "\n");
        List<PatternSummary> summaries = [.. accesses.GroupBy(access => access.Pattern).Select(pattern => Replay(pattern, options, output))];
        if (isChecked && !parsed.GetValue(GeneralOptions.Quiet) && json != "-")
        {
            PrintCheck(summaries);
        }

        if (json is not null)
        {
            JsonReport.Write(json, writer => WriteJson(writer, summaries));
        }

        return isChecked && summaries.Any(summary => summary.FirstDifference is not null) ? ExitCode.Difference : ExitCode.Done;
    }

    private static ReadaheadReplayOptions GetOptions(ParseResult parsed, string path, RecordedAccess[] accesses)
    {
        RecordedAccess farthest = accesses.MaxBy(access => access.PageIndex)!;
        ulong filePages = InRange(
            parsed.GetValue(FilePages) ?? Math.Max(DefaultFilePages, farthest.PageIndex + 1), FilePages.Name, 1, ReadaheadReplay.FilePagesMax);
        if (farthest.PageIndex >= filePages)
        {
            throw new InputException(path, farthest.Line, $"page_index {farthest.PageIndex} is beyond the file", $"a number below {filePages}");
        }

        return new ReadaheadReplayOptions
        {
            RaPages = (uint)(InRange(parsed.GetValue(RaKb), RaKb.Name, 0, 1UL << 22) / KbPerPage),
            IoPages = (uint)(InRange(parsed.GetValue(IoKb), IoKb.Name, KbPerPage, 1UL << 22) / KbPerPage),
            PagesPerAccess = (uint)InRange(parsed.GetValue(PagesPerAccess), PagesPerAccess.Name, 1, 1UL << 16),
            FilePages = filePages,
            Advice = ParseAdvice(parsed.GetValue(Advice)!),
            Descriptors = (int)InRange(parsed.GetValue(Descriptors), Descriptors.Name, 1, 4096),
            Release = KernelOption.Parse(parsed.GetValue(Kernel)!),
            FolioOrderMax = (int)InRange(parsed.GetValue(FolioOrder), FolioOrder.Name, 0, Order.PageBlockValue),
        };
    }

    private static MmapAdvice ParseAdvice(string text) => text switch
    {
        "normal" => MmapAdvice.Normal,
        "random" => MmapAdvice.Random,
        "sequential" => MmapAdvice.Sequential,
        _ => throw new InputException($"--advice: '{text}' is no advice", "normal, random or sequential"),
    };

    private static ulong InRange(Int128 value, string option, ulong min, ulong max) =>
        value >= min && value <= max ? (ulong)value : throw new InputException($"{option}: {value} is out of range", $"{min} to {max}");

    private static PatternSummary Replay(IGrouping<string, RecordedAccess> pattern, ReadaheadReplayOptions options, TextWriter output)
    {
        PatternSummary summary = new(pattern.Key);
        using ReadaheadReplay replay = new(options);
        foreach (RecordedAccess access in pattern)
        {
            IReadOnlyList<AddedFolio> added = replay.Access(access);
            summary.Count(added);
            ReadaheadRecording.Write(output, access, added);
            if (!added.SequenceEqual(access.Recorded))
            {
                summary.FirstDifference ??= $"line {access.Line}, access {access.Number}, page {access.PageIndex}: {Describe(added)}, recorded {Describe(access.Recorded)}";
            }
        }

        summary.Faults = replay.Faults;
        summary.MapAroundRounds = replay.MapAroundRounds;
        return summary;
    }

    private static string Describe(IReadOnlyList<AddedFolio> added) =>
        added.Count == 0 ? "nothing" : string.Join(' ', added.Select(folio => $"{folio.FirstPage}+{folio.PageCount}"));

    private static void PrintCheck(List<PatternSummary> summaries)
    {
        foreach (PatternSummary summary in summaries)
        {
            Console.WriteLine($"{summary.Pattern}: {summary.Accesses} accesses, {summary.FoliosAdded} folios, {summary.FirstDifference ?? "equal"}");
        }
    }

    private static void WriteJson(Utf8JsonWriter writer, List<PatternSummary> summaries)
    {
        writer.WriteStartArray("patterns");
        foreach (PatternSummary summary in summaries)
        {
            writer.WriteStartObject();
            writer.WriteString("pattern", summary.Pattern);
            writer.WriteNumber("accesses", summary.Accesses);
            writer.WriteNumber("accesses_with_add", summary.AccessesWithAdd);
            writer.WriteNumber("folios_added", summary.FoliosAdded);
            writer.WriteNumber("pages_added", summary.PagesAdded);
            writer.WriteNumber("max_order", summary.OrderMax);
            writer.WriteNumber("fault_events", summary.Faults);
            writer.WriteNumber("map_pages_events", summary.MapAroundRounds);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }
}
