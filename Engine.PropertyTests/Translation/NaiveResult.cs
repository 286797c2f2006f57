using Engine.Arm64.Translation;

namespace Engine.PropertyTests.Translation;

/// <summary>What the naive walker found. <see cref="Allowed"/>: rwx of EL1, then of EL0.</summary>
internal readonly record struct NaiveResult(FaultKind Fault, int Level)
{
    public bool IsStage2 { get; init; }

    public bool IsOnStage1Walk { get; init; }

    public ulong Address { get; init; }

    public ulong Intermediate { get; init; }

    public int BlockShift { get; init; }

    public int RunShift { get; init; }

    public byte Attribute { get; init; }

    public int Shareability { get; init; }

    public string? Allowed { get; init; } = "";

    public bool IsGlobal { get; init; }

    public ulong Descriptor { get; init; }
}
