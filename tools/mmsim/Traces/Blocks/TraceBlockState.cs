namespace Mmsim.Traces.Blocks;

/// <summary>Where a block of a trace is on its way.</summary>
internal enum TraceBlockState
{
    /// <summary>Free, or being filled by the thread that reads.</summary>
    Empty,

    /// <summary>Holds input that nobody has begun to work on.</summary>
    Filled,

    /// <summary>A thread works on it.</summary>
    InWork,

    /// <summary>Holds records for the consumer.</summary>
    Ready,
}
