using Engine.Arm64;

namespace Mmsim.Scenario;

/// <summary>A file of a scenario: the description that processes map, and the one that reads and writes go through.</summary>
/// <param name="Name">As the script calls it.</param>
/// <param name="Mapped">Mapped by all processes.</param>
/// <param name="Io">For <c>readfile</c> and <c>writefile</c>; its read-ahead state persists.</param>
internal sealed record ScenarioFile(string Name, OpenFile Mapped, OpenFile Io);
