using Engine.Core.Units;

namespace Engine.Arm64.Translation;

/// <summary>What one translation carries between its steps.</summary>
internal struct WalkState
{
    /// <summary>Stage 2's parameters.</summary>
    public Stage2Control Stage2;

    /// <summary>HCR_EL2, or 0 without stage 2.</summary>
    public ulong Hcr;

    /// <summary>Descriptors read so far.</summary>
    public int Reads;

    /// <summary>The last stage 1 descriptor's address as stage 1 knows it.</summary>
    public PhysAddr LastSlot;

    /// <summary>Whether the hardware updates descriptors for this access.</summary>
    public bool UpdatesTables;

    /// <summary>Whether stage 2 translates.</summary>
    public bool IsStage2On;

    /// <summary>A descriptor changed under an update: the walk starts again.</summary>
    public bool MustRestart;
}
