namespace Engine.Arm64.Tlb;

/// <summary>
/// Watches a translation unit. It is a struct type argument: with <see cref="NoObserver"/> nothing of it is left in the compiled code.
/// </summary>
public interface ITranslationObserver
{
    /// <summary>Whether <see cref="DescriptorRead"/> and <see cref="Stage2DescriptorRead"/> are called, in the order of the reads. It must be a constant.</summary>
    public static abstract bool SeesDescriptorReads { get; }

    /// <summary>Whether the checking mode is on and <see cref="Report"/> is called. It must be a constant.</summary>
    public static abstract bool Checks { get; }

    /// <summary>The checking mode has found a breach of a rule.</summary>
    public void Report(in TlbFinding finding);

    /// <summary>The walker, as a bus master, has read a descriptor.</summary>
    /// <param name="address">Its physical address, 8-byte aligned.</param>
    /// <param name="level">Its level, -1..3.</param>
    public void DescriptorRead(ulong address, int level);

    /// <summary>The walker, as a bus master, has read a descriptor of stage 2.</summary>
    /// <param name="address">Its physical address, 8-byte aligned.</param>
    /// <param name="level">Its level, -1..3.</param>
    public void Stage2DescriptorRead(ulong address, int level);
}
