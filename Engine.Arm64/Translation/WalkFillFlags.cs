namespace Engine.Arm64.Translation;

/// <summary>Single-bit facts of a <see cref="WalkFill"/>.</summary>
[Flags]
public enum WalkFillFlags : byte
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>nG is clear: the entry holds for every ASID.</summary>
    Global = 1,

    /// <summary>GP: a guarded page.</summary>
    Guarded = 2,

    /// <summary>Writable, but the first write must set the dirty state in the table: walk again for it.</summary>
    DirtyPending = 4,
}
