using Xunit;

namespace Engine.PropertyTests.Procfs;

/// <summary>A test that compares with this machine's own <c>/proc</c>; skipped, with the reason, where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class HostProcFactAttribute : FactAttribute
{
    /// <summary>Marks a test.</summary>
    public HostProcFactAttribute()
    {
        if (!OperatingSystem.IsLinux() || !File.Exists("/proc/self/smaps_rollup") || !File.ReadAllText("/proc/self/smaps").Contains("Rss:", StringComparison.Ordinal))
        {
            Skip = "this machine has no /proc with smaps";
        }
    }
}
