namespace Engine.Arm64.Translation;

/// <summary>What an access does with its address.</summary>
public enum AccessKind
{
    /// <summary>An instruction fetch.</summary>
    Fetch = 0,

    /// <summary>A data read.</summary>
    Load = 1,

    /// <summary>A data write.</summary>
    Store = 2,

    /// <summary>A read and a write of the same place by one instruction: one access, translated as a write.</summary>
    Modify = 3,
}
