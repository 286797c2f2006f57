namespace Engine.Arm64.PageTables;

/// <summary>64 KiB pages, 48-bit addresses, a root of 64 entries above two levels of 8,192.</summary>
public readonly struct Granule64K : ITableGeometry
{
    /// <inheritdoc/>
    public static int PageShift => 16;

    /// <inheritdoc/>
    public static int VirtualAddressBits => 48;

    /// <inheritdoc/>
    public static int StartLevel => 1;

    /// <inheritdoc/>
    public static int ContiguousPagesShift => 5;

    /// <inheritdoc/>
    public static int ContiguousBlocksShift => 5;
}
