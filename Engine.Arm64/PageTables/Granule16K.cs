namespace Engine.Arm64.PageTables;

/// <summary>16 KiB pages, 48-bit addresses, a root of two entries above three levels of 2,048.</summary>
public readonly struct Granule16K : ITableGeometry
{
    /// <inheritdoc/>
    public static int PageShift => 14;

    /// <inheritdoc/>
    public static int VirtualAddressBits => 48;

    /// <inheritdoc/>
    public static int StartLevel => 0;

    /// <inheritdoc/>
    public static int ContiguousPagesShift => 7;

    /// <inheritdoc/>
    public static int ContiguousBlocksShift => 5;
}
