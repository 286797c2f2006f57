namespace Engine.Arm64.Tlb;

/// <summary>Watches nothing, and costs nothing.</summary>
public readonly struct NoObserver : ITranslationObserver
{
    /// <inheritdoc/>
    public static bool SeesDescriptorReads => false;

    /// <inheritdoc/>
    public static bool Checks => false;

    /// <inheritdoc/>
    public void Report(in TlbFinding finding)
    {
    }

    /// <inheritdoc/>
    public void Stage2DescriptorRead(ulong address, int level)
    {
    }

    /// <inheritdoc/>
    public void DescriptorRead(ulong address, int level)
    {
    }
}
