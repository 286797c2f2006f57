namespace Engine.Arm64.PageTables;

/// <summary>A change to the access flag or dirtiness of mapped memory.</summary>
public enum LeafChange
{
    /// <summary>Access flag set.</summary>
    MarkYoung,

    /// <summary>Access flag clear.</summary>
    MarkOld,

    /// <summary>Dirty; writable entries become writable at once.</summary>
    MarkDirty,

    /// <summary>Clean; the next write faults or is noted by the hardware.</summary>
    MarkClean,
}
