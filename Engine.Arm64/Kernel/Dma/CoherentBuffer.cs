using Engine.Arm64.Units;

namespace Engine.Arm64.Kernel.Dma;

/// <summary>Memory that the kernel and a device use at the same time (<c>dma_alloc_coherent</c>).</summary>
/// <param name="Address">Its kernel address.</param>
/// <param name="Device">Its address for the device.</param>
/// <param name="LengthBytes">Bytes, in whole pages.</param>
public readonly record struct CoherentBuffer(VirtAddr Address, DmaAddr Device, ulong LengthBytes);
