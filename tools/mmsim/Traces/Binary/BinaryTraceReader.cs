using Mmsim.Cli;

namespace Mmsim.Traces.Binary;

/// <summary>Opens binary traces.</summary>
internal static class BinaryTraceReader
{
    /// <summary>Reads the head, and starts to read the records behind it.</summary>
    /// <param name="input">An opened file; disposed by the stream.</param>
    /// <param name="head">What the file says before its records.</param>
    public static RecordedTraceReader Open(InputFile input, out BinaryTraceHead head)
    {
        BinarySectionReader reader = new(input);
        byte[] first = [];
        BinaryTraceHead read = BinaryHeadReader.Read(reader, (_, bytes) => first = bytes.ToArray());
        head = read;
        return new RecordedTraceReader(
            input.Name,
            new BinaryBlockSource(reader, first, read.Counts.Total),
            BinaryBlockSource.CreateBlock,
            () => new BinaryWorker(input.Name),
            read.Counts.Total,
            read.Syscalls,
            read.Pages);
    }

    /// <summary>Reads the head only.</summary>
    /// <param name="input">An opened file; the caller's.</param>
    public static BinaryTraceHead ReadHead(InputFile input)
    {
        using BinarySectionReader reader = new(input);
        return BinaryHeadReader.Read(reader, (_, _) => { });
    }
}
