using Xunit;

namespace Engine.PropertyTests.Procfs;

/// <summary>A test that compares with this machine's own <c>/proc</c>; skipped, with the reason, where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class HostProcFactAttribute : FactAttribute
{
    /// <summary>Marks a test.</summary>
    public HostProcFactAttribute()
    {
        if (!Read("smaps").Contains("Rss:", StringComparison.Ordinal) || !Read("smaps_rollup").Contains("Pss_Anon:", StringComparison.Ordinal))
        {
            Skip = "this machine has no /proc with smaps";
        }
    }

    /// <summary>A view of a small process, whose numbers fit their columns; empty where there is none.</summary>
    public static string Read(string name) => ToolFactAttribute.Run($"cat /proc/self/{name}") ?? "";
}
