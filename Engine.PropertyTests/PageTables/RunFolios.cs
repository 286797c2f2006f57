using Engine.Arm64.PageTables;
using Engine.Core.Units;

namespace Engine.PropertyTests.PageTables;

/// <summary>Every other run of frames is a folio, the rest are single pages.</summary>
internal sealed class RunFolios(uint runFrames) : IFolioBounds
{
    public bool IsOneFolio(Pfn first, uint frameCount) => frameCount == runFrames && IsFolioFrame(first.ToUInt32());

    public bool IsFolioFrame(uint frame) => frame / runFrames % 2 == 0;
}
