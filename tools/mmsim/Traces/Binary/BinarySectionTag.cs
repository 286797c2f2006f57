namespace Mmsim.Traces.Binary;

/// <summary>What a section of a binary trace holds.</summary>
internal enum BinarySectionTag : uint
{
    /// <summary>Totals.</summary>
    Info = 1,

    /// <summary>The use of pages.</summary>
    Pages = 2,

    /// <summary>System calls.</summary>
    Calls = 3,

    /// <summary>Access records.</summary>
    Records = 4,

    /// <summary>The end, with a hash of all hashes.</summary>
    End = 5,
}
