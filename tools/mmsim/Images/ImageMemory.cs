using Engine.Arm64.Translation;
using Engine.Core.Units;

namespace Mmsim.Images;

/// <summary>An image as a walker sees it: it can be read, and takes no update.</summary>
internal readonly struct ImageMemory : ITableMemory
{
    private readonly MemoryImage image;

    /// <summary>Wraps an image.</summary>
    public ImageMemory(MemoryImage image) => this.image = image;

    /// <inheritdoc/>
    public bool TryRead(PhysAddr address, out ulong value) => image.TryRead(address.ToUInt64(), out value);

    /// <inheritdoc/>
    public bool TryCompareExchange(PhysAddr address, ulong expected, ulong replacement, out ulong found)
    {
        found = 0;
        return false;
    }
}
