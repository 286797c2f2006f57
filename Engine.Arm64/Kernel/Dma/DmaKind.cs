namespace Engine.Arm64.Kernel.Dma;

/// <summary>How memory was given to a device; it must be taken back the same way.</summary>
internal enum DmaKind
{
    Single,
    Scatter,
    Coherent,
}
