namespace Engine.PropertyTests.PageTables;

/// <summary>A mistake that the property must see.</summary>
internal enum PlantedRunBug
{
    None,
    KeepsPartialRuns,
    FoldsAcrossFolios,
    LosesAccessFlags,
}
