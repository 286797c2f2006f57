using Mmsim.Cli;
using Mmsim.Traces.Binary;
using Mmsim.Traces.Lackey;

namespace Mmsim.Traces;

/// <summary>Opens traces of either form, plain or compressed.</summary>
public static class TraceFile
{
    /// <summary>Opens a trace for one pass.</summary>
    /// <param name="path">A path, or <c>-</c> for standard input.</param>
    /// <exception cref="InputException">There is no such file, or it is no trace.</exception>
    public static ITraceStream OpenStream(string path)
    {
        InputFile input = InputFile.Open(path);
        return BinarySectionReader.IsBinary(input) ? BinaryTraceReader.Open(input, out _) : new TextTraceReader(input, isKept: false);
    }
}
