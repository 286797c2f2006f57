using Engine.Core.Units;

namespace Engine.Arm64.Kernel.Dma;

/// <summary>A piece of memory on a scatter list (<c>struct scatterlist</c>).</summary>
/// <param name="Physical">Its first byte.</param>
/// <param name="LengthBytes">Its length.</param>
public readonly record struct ScatterPart(PhysAddr Physical, ulong LengthBytes);
