namespace Engine.Bench.Frames;

/// <summary>Which half of a bulk round is timed.</summary>
internal enum BulkPart
{
    /// <summary>The gets.</summary>
    Get,

    /// <summary>The puts.</summary>
    Put,

    /// <summary>Both; each counts as an operation.</summary>
    Both,
}
