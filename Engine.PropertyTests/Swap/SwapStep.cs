namespace Engine.PropertyTests.Swap;

/// <summary>One step of a random sequence.</summary>
internal sealed record SwapStep(int Kind, int Process, int Page, int Count, byte Value);
