namespace Engine.Arm64.PageTables;

/// <summary>What a mapping may use besides single pages (the opposite of Linux's NO_BLOCK_MAPPINGS and NO_CONT_MAPPINGS).</summary>
[Flags]
public enum MapShapes
{
    /// <summary>Single pages only.</summary>
    Pages = 0,

    /// <summary>Blocks: 2 MiB and 1 GiB with 4 KiB pages.</summary>
    Blocks = 1,

    /// <summary>Contiguous runs of pages or blocks.</summary>
    ContiguousRuns = 2,
}
