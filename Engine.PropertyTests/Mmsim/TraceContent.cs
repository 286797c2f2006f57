using Engine.Arm64.Translation;
using Mmsim.Traces;
using Mmsim.Traces.Pages;

namespace Engine.PropertyTests.MmsimTests;

/// <summary>All that a trace says, for comparison.</summary>
internal sealed record TraceContent(RecordCounts Counts, List<Access> Records, List<string> Calls, List<PageUseEntry> Pages)
{
    /// <summary>Loads a trace, and reads it twice.</summary>
    public static TraceContent Read(string path)
    {
        RecordedTrace trace = RecordedTrace.Load(path);
        (List<Access> records, List<string> calls) = Drain(trace.OpenReader());
        (List<Access> again, List<string> callsAgain) = Drain(trace.OpenReader());
        Xunit.Assert.Equal(records, again);
        Xunit.Assert.Equal(calls, callsAgain);
        Xunit.Assert.Equal(trace.Syscalls.Select(Describe), calls);
        return new TraceContent(trace.Counts, records, calls, [.. trace.Pages.Entries]);
    }

    /// <summary>Reads a trace in one pass, without keeping it.</summary>
    public static TraceContent Stream(string path)
    {
        using ITraceStream stream = TraceFile.OpenStream(path);
        (List<Access> records, List<string> calls) = Drain(stream);
        return new TraceContent(RecordCounts.Of(records.ToArray()), records, calls, [.. stream.CombinePages().Entries]);
    }

    /// <summary>Fails where two traces differ.</summary>
    public static void AssertEqual(TraceContent expected, TraceContent actual)
    {
        Xunit.Assert.Equal(expected.Counts, actual.Counts);
        Xunit.Assert.Equal(expected.Records, actual.Records);
        Xunit.Assert.Equal(expected.Calls, actual.Calls);
        Xunit.Assert.Equal(expected.Pages, actual.Pages);
    }

    private static (List<Access> Records, List<string> Calls) Drain(IAccessSource source)
    {
        List<Access> records = [];
        List<string> calls = [];
        using (source)
        {
            while (source.TryRead(out AccessRun run))
            {
                records.AddRange(run.Accesses);
                if (run.Syscall is { } call)
                {
                    // A call is handed out where it takes effect.
                    Xunit.Assert.Equal(call.RecordIndex, records.Count);
                    calls.Add(Describe(call));
                }
            }
        }

        return (records, calls);
    }

    private static string Describe(SyscallEvent call) => $"{call.Thread} {call.Number} {call.Path ?? "-"} {call}";
}
