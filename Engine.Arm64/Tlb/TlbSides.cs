namespace Engine.Arm64.Tlb;

/// <summary>Which accesses a TLB level serves.</summary>
[Flags]
public enum TlbSides
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Instruction fetches.</summary>
    Fetch = 1,

    /// <summary>Loads, stores and modifies.</summary>
    Data = 2,

    /// <summary>All: a unified level.</summary>
    Both = Fetch | Data,
}
