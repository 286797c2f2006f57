using Engine.Arm64.Translation;

namespace Engine.Arm64.Tlb;

/// <summary>A set of access kinds; each bit is <c>1 &lt;&lt; </c><see cref="AccessKind"/>.</summary>
[Flags]
public enum AccessKinds
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Instruction fetches.</summary>
    Fetch = 1 << AccessKind.Fetch,

    /// <summary>Data reads.</summary>
    Load = 1 << AccessKind.Load,

    /// <summary>Data writes.</summary>
    Store = 1 << AccessKind.Store,

    /// <summary>Reads and writes by one instruction.</summary>
    Modify = 1 << AccessKind.Modify,

    /// <summary>Loads, stores and modifies.</summary>
    Data = Load | Store | Modify,

    /// <summary>All.</summary>
    All = Fetch | Data,
}
