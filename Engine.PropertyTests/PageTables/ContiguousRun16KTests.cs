using Engine.Arm64.PageTables;

namespace Engine.PropertyTests.PageTables;

public sealed class ContiguousRun16KTests : ContiguousRunTests<Granule16K>;
