namespace Mmsim.Compare;

/// <summary>What variants can differ in.</summary>
internal enum VariedKey
{
    /// <summary>The core whose TLBs are simulated.</summary>
    Core,

    /// <summary>The size of folios for anonymous and file memory.</summary>
    Folio,

    /// <summary>Whether the kernel sets the contiguous bit.</summary>
    Contiguous,

    /// <summary>Hardware page aggregation: whether one TLB entry holds up to four adjacent pages.</summary>
    Hpa,

    /// <summary>RAM.</summary>
    Memory,
}
