namespace Engine.Arm64.Tlb;

/// <summary>Turns the checking mode on and keeps what it finds.</summary>
public readonly struct CheckingObserver : ITranslationObserver
{
    private readonly List<TlbFinding> findings = [];

    /// <summary>Creates an observer without findings.</summary>
    public CheckingObserver()
    {
    }

    /// <inheritdoc/>
    public static bool SeesDescriptorReads => false;

    /// <inheritdoc/>
    public static bool Checks => true;

    /// <summary>What was found, oldest first.</summary>
    public IReadOnlyList<TlbFinding> Findings => findings;

    /// <inheritdoc/>
    public void Stage2DescriptorRead(ulong address, int level)
    {
    }

    /// <inheritdoc/>
    public void DescriptorRead(ulong address, int level)
    {
    }

    /// <inheritdoc/>
    public void Report(in TlbFinding finding) => findings.Add(finding);
}
