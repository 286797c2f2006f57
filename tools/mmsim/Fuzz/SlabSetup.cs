using Engine.Core.Slab;

namespace Mmsim.Fuzz;

/// <summary>The cache of a slab sequence.</summary>
/// <param name="ObjectBytes">Bytes in an object.</param>
/// <param name="AlignmentBytes">Their alignment.</param>
/// <param name="Debug">Debug options of all caches.</param>
/// <param name="UsesStacks">See <see cref="SlabOptions.UseObjectStacks"/>.</param>
/// <param name="IsHardened">See <see cref="SlabOptions.HardenedFreeLists"/>; freelists are then also in random order.</param>
/// <param name="NodeCount">NUMA nodes of the machine.</param>
public sealed record SlabSetup(int ObjectBytes, int AlignmentBytes, SlabFlags Debug, bool UsesStacks, bool IsHardened, int NodeCount = 1)
{
    /// <summary>CPUs of the machine.</summary>
    public const int CpuCount = 3;

    /// <summary>C# that makes it.</summary>
    public override string ToString() =>
        $"new SlabSetup({ObjectBytes}, {AlignmentBytes}, (SlabFlags)0x{(uint)Debug:x}, {(UsesStacks ? "true" : "false")}, {(IsHardened ? "true" : "false")}, {NodeCount})";
}
