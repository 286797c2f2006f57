using Engine.Arm64.Processes;

namespace Engine.Arm64.Procfs;

/// <summary>The VMAs of a process, ascending.</summary>
internal static class ProcessAreas
{
    /// <summary>The VMAs. The chain lies in the arena and may be garbage: no more are given than the address space counts.</summary>
    public static IEnumerable<VmAreaRef> Of(Process process)
    {
        VmAreaTree areas = process.Memory.Areas;
        int bound = areas.Count;
        for (VmAreaRef area = areas.First; !area.IsNone && bound > 0; area = areas.NextOf(area), bound--)
        {
            yield return area;
        }
    }
}
