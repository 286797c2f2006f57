namespace Engine.Arm64.PageTables;

/// <summary>4 KiB pages, 48-bit addresses, four levels of 512 entries: Linux's default.</summary>
public readonly struct Granule4K : ITableGeometry
{
    /// <inheritdoc/>
    public static int PageShift => 12;

    /// <inheritdoc/>
    public static int VirtualAddressBits => 48;

    /// <inheritdoc/>
    public static int StartLevel => 0;

    /// <inheritdoc/>
    public static int ContiguousPagesShift => 4;

    /// <inheritdoc/>
    public static int ContiguousBlocksShift => 4;
}
