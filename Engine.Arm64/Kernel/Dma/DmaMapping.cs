namespace Engine.Arm64.Kernel.Dma;

/// <summary>What dma-debug remembers of a mapping (<c>struct dma_debug_entry</c>).</summary>
internal readonly record struct DmaMapping(DmaKind Kind, ulong LengthBytes, DmaDirection Direction);
