namespace Engine.Core.PerCpu;

/// <summary>One CPU's page lists of one zone, as <c>/proc/zoneinfo</c> shows them, in pages.</summary>
/// <param name="Count">Pages on the lists.</param>
/// <param name="High">The limit now.</param>
/// <param name="Batch">Pages moved at a time.</param>
/// <param name="HighMin">The least that the limit is tuned down to.</param>
/// <param name="HighMax">The most that it is tuned up to.</param>
public readonly record struct PerCpuReport(int Count, int High, int Batch, int HighMin, int HighMax);
