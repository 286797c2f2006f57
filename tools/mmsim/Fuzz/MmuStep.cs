namespace Mmsim.Fuzz;

/// <summary>What one step of an MMU sequence does.</summary>
public enum MmuStep
{
    /// <summary>Translates an address.</summary>
    Translate,

    /// <summary>Changes a descriptor by break-before-make: invalid, TLBI, then the new one.</summary>
    Rewrite,

    /// <summary>Changes a descriptor and invalidates nothing: a bug that a sequence must show. Not among the random steps.</summary>
    RewriteSilently,

    /// <summary>Goes on in another address space, which has the same tables.</summary>
    SwitchTo,

    /// <summary>Invalidates one address of the current address space.</summary>
    InvalidateAddress,

    /// <summary>Invalidates the current address space.</summary>
    InvalidateAsid,

    /// <summary>Invalidates everything.</summary>
    InvalidateAll,
}
