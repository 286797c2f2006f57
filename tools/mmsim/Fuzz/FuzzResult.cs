namespace Mmsim.Fuzz;

/// <summary>What came of one random sequence.</summary>
/// <param name="Operations">How many operations ran.</param>
/// <param name="Failure">What went wrong, or null.</param>
/// <param name="Test">The minimal failing sequence as a test that can be pasted, or null.</param>
public readonly record struct FuzzResult(long Operations, string? Failure = null, string? Test = null);
