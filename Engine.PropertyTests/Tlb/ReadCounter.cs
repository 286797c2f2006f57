using Engine.Arm64.Tlb;

namespace Engine.PropertyTests.Tlb;

/// <summary>Counts the descriptors that an observer is told of, by stage and level.</summary>
internal readonly struct ReadCounter : ITranslationObserver
{
    public ReadCounter()
    {
    }

    public static bool SeesDescriptorReads => true;

    public static bool Checks => false;

    public long[,] Reads { get; } = new long[2, 4];

    public void DescriptorRead(ulong address, int level) => Reads[0, level]++;

    public void Stage2DescriptorRead(ulong address, int level) => Reads[1, level]++;

    public void Report(in TlbFinding finding)
    {
    }
}
