namespace Engine.Bench.Harness;

/// <summary>What a case took.</summary>
/// <param name="Suite">The suite's name.</param>
/// <param name="Case">What was measured.</param>
/// <param name="NsMedian">Nanoseconds an operation takes on its thread (wall time × threads / operations), median over the rounds.</param>
/// <param name="NsMin">The fastest round.</param>
/// <param name="NsMax">The slowest round.</param>
/// <param name="MillionsPerSecond">All threads together: million operations a second in the median round.</param>
/// <param name="Rounds">How many rounds were timed.</param>
/// <param name="Cycles">Cycles an operation takes, median over the rounds, by the length that a cycle had around each round (<see cref="HostCycle"/>).</param>
public sealed record Measurement(string Suite, WorkloadCase Case, double NsMedian, double NsMin, double NsMax, double MillionsPerSecond, int Rounds, double Cycles);
