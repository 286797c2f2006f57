using Engine.Core.Units;

namespace Engine.Arm64.PageTables;

/// <summary>Tells which frames belong together: a contiguous run may only cover frames of one folio.</summary>
public interface IFolioBounds
{
    /// <summary>Whether all frames of a range belong to one folio.</summary>
    /// <param name="first">The first frame.</param>
    /// <param name="frameCount">How many.</param>
    public bool IsOneFolio(Pfn first, uint frameCount);
}
