using Engine.Arm64;

namespace Mmsim.Scenario;

/// <summary>A process's fault counters at one moment.</summary>
internal readonly struct FaultCount
{
    private readonly ulong minor;
    private readonly ulong major;

    public FaultCount(Process process)
    {
        minor = process.Faults.Minor;
        major = process.Faults.Major;
    }

    public long MinorSince(Process process) => (long)(process.Faults.Minor - minor);

    public long MajorSince(Process process) => (long)(process.Faults.Major - major);
}
