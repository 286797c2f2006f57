using System.Globalization;

namespace Engine.Arm64.Kernel.Dma;

/// <summary>An address as a device uses it on its bus (<c>dma_addr_t</c>), in bytes: an I/O virtual address behind an SMMU, else a physical one.</summary>
/// <param name="Value">The address.</param>
public readonly record struct DmaAddr(ulong Value)
{
    /// <summary>The value that is no address (<c>DMA_MAPPING_ERROR</c>).</summary>
    public static readonly DmaAddr None = new(ulong.MaxValue);

    /// <summary>The address <paramref name="lengthBytes"/> above this one (wraps at 2^64).</summary>
    public static DmaAddr operator +(DmaAddr address, ulong lengthBytes) => new(unchecked(address.Value + lengthBytes));

    /// <summary>Hexadecimal.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"0x{Value:x16}");
}
