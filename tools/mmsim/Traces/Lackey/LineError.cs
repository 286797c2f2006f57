namespace Mmsim.Traces.Lackey;

/// <summary>What is wrong with a line, before it is known which line of the file it is.</summary>
/// <param name="LineInBlock">1-based line of the block.</param>
/// <param name="Wrong">What is wrong.</param>
/// <param name="Expected">What was expected instead.</param>
internal sealed record LineError(int LineInBlock, string Wrong, string? Expected);
