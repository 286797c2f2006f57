using System.Runtime.CompilerServices;

namespace Engine.Arm64.Faults;

/// <summary>Faults by result and by cause. Plain counters of one owner.</summary>
public struct FaultCounters
{
    /// <summary>How many causes there are.</summary>
    public const int CauseCount = (int)FaultCause.Swap + 1;

    private CauseArray causes;

    /// <summary>Faults resolved without input (<c>min_flt</c>).</summary>
    public ulong Minor { get; private set; }

    /// <summary>Faults that had to read from a file (<c>maj_flt</c>).</summary>
    public ulong Major { get; private set; }

    /// <summary>Faults that ended in a signal.</summary>
    public ulong Signals { get; private set; }

    /// <summary>Faults for which no memory could be had.</summary>
    public ulong OutOfMemory { get; private set; }

    /// <summary>How many faults had a cause.</summary>
    public readonly ulong this[FaultCause cause] => causes[(int)cause];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void CountResult(FaultResult result)
    {
        switch (result)
        {
            case FaultResult.Minor:
                Minor++;
                break;
            case FaultResult.Major:
                Major++;
                break;
            case FaultResult.OutOfMemory or FaultResult.Killed:
                OutOfMemory++;
                break;
            case FaultResult.Blocked:
                break; // counted when it is resolved
            default:
                Signals++;
                break;
        }
    }

    internal void CountCause(FaultCause cause) => causes[(int)cause]++;

    [InlineArray(CauseCount)]
    private struct CauseArray
    {
        private ulong first;
    }
}
