// A replay needs to know before its first record what the program will do with each page that exists from the start: a trace
// is gone through twice. The first pass parses the text, notes pages and system calls, and keeps the records in four bytes each
// (PackedBlock); the second unpacks them on its own thread. A binary trace carries its page table, and is not
// gone through at all before it is read.

using Mmsim.Cli;
using Mmsim.Traces.Binary;
using Mmsim.Traces.Blocks;
using Mmsim.Traces.Lackey;
using Mmsim.Traces.Pages;

namespace Mmsim.Traces;

/// <summary>A trace of which everything is known but the records, which can be read as often as needed.</summary>
public sealed class RecordedTrace
{
    private readonly Func<IAccessSource> open;

    private RecordedTrace(string name, RecordCounts counts, PageUse pages, IReadOnlyList<SyscallEvent> syscalls, Func<IAccessSource> open)
    {
        Name = name;
        Counts = counts;
        Pages = pages;
        Syscalls = syscalls;
        this.open = open;
    }

    /// <summary>The trace's name as the user gave it, for messages.</summary>
    public string Name { get; }

    /// <summary>Records by kind.</summary>
    public RecordCounts Counts { get; }

    /// <summary>Which pages the trace touches.</summary>
    public PageUse Pages { get; }

    /// <summary>The system calls in the order in which they take effect.</summary>
    public IReadOnlyList<SyscallEvent> Syscalls { get; }

    /// <summary>Opens a trace: a lackey log or a binary trace, plain or compressed.</summary>
    /// <param name="path">A path, or <c>-</c> for standard input.</param>
    /// <param name="progress">Told from time to time how much of the first pass is done (0 to 1, or null where that is not known), or null.</param>
    /// <param name="cancellation">Ends the first pass.</param>
    /// <exception cref="InputException">There is no such file, or it is no trace.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static RecordedTrace Load(string path, Action<double?>? progress = null, CancellationToken cancellation = default)
    {
        InputFile input = InputFile.Open(path);
        return BinarySectionReader.IsBinary(input) ? LoadBinary(input, path) : LoadText(input, progress, cancellation);
    }

    /// <summary>Reads the records from the first to the last.</summary>
    public IAccessSource OpenReader() => open();

    // A file is opened again for each reader; standard input comes but once, so it is kept as it came.
    private static RecordedTrace LoadBinary(InputFile input, string path)
    {
        using InputFile disposed = input;
        byte[]? kept = path == "-" ? input.ReadToEnd() : null;
        InputFile Open() => kept is null ? InputFile.Open(path) : InputFile.FromBytes(input.Name, kept);
        using InputFile content = Open();
        BinaryTraceHead head = BinaryTraceReader.ReadHead(content);
        return new RecordedTrace(input.Name, head.Counts, head.Pages, head.Syscalls, () => BinaryTraceReader.Open(Open(), out _));
    }

    private static RecordedTrace LoadText(InputFile input, Action<double?>? progress, CancellationToken cancellation)
    {
        string name = input.Name;
        using TextTraceReader reader = new(input, isKept: true);
        List<PackedBlock> blocks = [];
        List<SyscallEvent> syscalls = [];
        RecordCounts counts = default;
        TraceBlock? last = null;
        int lastSequence = -1;
        while (reader.TryRead(out AccessRun run))
        {
            counts += RecordCounts.Of(run.Accesses);
            if (run.Syscall is not null)
            {
                syscalls.Add(run.Syscall);
            }

            last = reader.Block;
            if (last is not null && last.Sequence != lastSequence)
            {
                lastSequence = last.Sequence;
                blocks.Add(last.Packed!);
                progress?.Invoke(reader.Progress);
                cancellation.ThrowIfCancellationRequested();
            }
        }

        PageUse pages = reader.CombinePages();
        return new RecordedTrace(name, counts, pages, syscalls, () => new RecordedTraceReader(
            name,
            new MemoryBlockSource(blocks),
            () => new TraceBlock(0, TextBlockSource.RecordsMax),
            () => new MemoryWorker(),
            counts.Total,
            syscalls,
            pages));
    }
}
