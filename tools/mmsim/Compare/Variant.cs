using Engine.Arm64;

namespace Mmsim.Compare;

/// <summary>One machine that the trace is replayed on.</summary>
/// <param name="Values">What it differs in from the others, in the order of the command line: the key, and the value as it was written.</param>
/// <param name="Options">The machine.</param>
internal sealed record Variant(IReadOnlyList<(VariedKey Key, string Value)> Values, MachineOptions Options)
{
    /// <summary>The values as one text: <c>64K on</c>.</summary>
    public string Label => string.Join(' ', Values.Select(value => value.Value));
}
