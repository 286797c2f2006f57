using Engine.Arm64.PageTables;

namespace Engine.PropertyTests.PageTables;

public sealed class ContiguousRun64KTests : ContiguousRunTests<Granule64K>;
