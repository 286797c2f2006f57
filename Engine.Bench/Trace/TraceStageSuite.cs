using Engine.Bench.Harness;
using Mmsim.Cli;

namespace Engine.Bench.Trace;

/// <summary>What each stage that a text trace passes costs by itself.</summary>
public sealed class TraceStageSuite : ISuite
{
    /// <inheritdoc/>
    public string Name => "trace-stages";

    /// <inheritdoc/>
    public string Description => "The stages of reading a text trace, each alone on one thread: decompress, parse, pages, encode, decode.";

    /// <inheritdoc/>
    public void Run(SuiteContext context) => _ = context.Measure(new StageWorkloads(context.Options.Input ?? SampleTrace.Path).Cases);
}
