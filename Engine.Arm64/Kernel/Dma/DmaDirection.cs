namespace Engine.Arm64.Kernel.Dma;

/// <summary>Who writes and who reads a buffer (<c>enum dma_data_direction</c>).</summary>
public enum DmaDirection
{
    /// <summary>Both (<c>DMA_BIDIRECTIONAL</c>).</summary>
    Bidirectional = 0,

    /// <summary>The device reads (<c>DMA_TO_DEVICE</c>).</summary>
    ToDevice = 1,

    /// <summary>The device writes (<c>DMA_FROM_DEVICE</c>).</summary>
    FromDevice = 2,
}
