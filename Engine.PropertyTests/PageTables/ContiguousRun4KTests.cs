using Engine.Arm64.PageTables;

namespace Engine.PropertyTests.PageTables;

public sealed class ContiguousRun4KTests : ContiguousRunTests<Granule4K>;
