using Engine.Arm64.Faults;
using Engine.Arm64.Rmap;
using Engine.Core.Diagnostics;
using Engine.Core.Units;

namespace Engine.Arm64;

/// <content>Large folios: what the kernel does with them in the background, when the embedder says so.</content>
public sealed partial class Machine
{
    /// <summary>Anonymous folios that are mapped in part and wait to be split.</summary>
    public int DeferredSplitCount => UserFrames.Deferred.Count;

    /// <summary>Splits anonymous folios that are mapped in part, oldest first, as the shrinker does when memory is short (<c>deferred_split_scan</c>): their unmapped pages become free.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="countMax">At most so many.</param>
    /// <returns>How many were split.</returns>
    public int SplitDeferredFolios(CpuId cpu, int countMax = int.MaxValue) => FolioSplitter.SplitDeferred(cpu, countMax);

    /// <summary>One round of khugepaged: collapses pages of processes into huge pages where the policy allows (<c>khugepaged_do_scan</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="countMax">At most so many huge pages are made.</param>
    /// <returns>How many were made.</returns>
    public int CollapseHugePages(CpuId cpu, int countMax = int.MaxValue)
    {
        int made = 0;
        foreach (Process process in Processes)
        {
            made += HugeCollapse.Scan(process, cpu, countMax - made);
        }

        return made;
    }

    /// <summary>
    /// Compares what frames say of their mappings with what the page tables say: map counts and references, the counts of large folios, resident
    /// sets, and the shape of contiguous runs and blocks.
    /// </summary>
    /// <returns>What is wrong; empty where all is well.</returns>
    public IReadOnlyList<Corruption> VerifyMappings() => MappingVerifier.Verify(this);
}
