using Engine.Core.Slab;
using Engine.Core.Units;
using Engine.PropertyTests.Support;
using Xunit;

namespace Engine.PropertyTests.Slab;

/// <summary>A cache against the naive model, with random CPUs.</summary>
public sealed class SlabCacheTests
{
    private const int CpuCount = 4;

    [Theory]
    [InlineData(8, 8, true)]
    [InlineData(64, 64, true)]
    [InlineData(104, 8, true)]
    [InlineData(1024, 8, true)]
    [InlineData(64, 64, false)]
    [InlineData(200, 8, false)]
    public void Objects_are_whole_distinct_and_counted(int objectBytes, int alignmentBytes, bool usesStacks) =>
        ModelProperty.Check(SlabStep.Any(CpuCount), steps => Run(steps, objectBytes, alignmentBytes, new SlabOptions { UseObjectStacks = usesStacks }), tests: 40, length: 60);

    [Fact]
    public void Hardened_and_shuffled_freelists_keep_the_model() =>
        ModelProperty.Check(
            SlabStep.Any(CpuCount),
            steps => Run(steps, 96, 8, new SlabOptions { HardenedFreeLists = true, RandomFreeLists = true }),
            tests: 40,
            length: 60);

    [Fact]
    public void An_object_that_is_out_twice_is_seen() =>
        ModelProperty.MustFail(SlabStep.Any(CpuCount), steps => Run(steps, 64, 8, new SlabOptions(), plantsBug: true), tests: 40, length: 60);

    [Theory]
    [InlineData(2, true)]
    [InlineData(3, true)]
    [InlineData(2, false)]
    public void Several_nodes_keep_the_model(int nodeCount, bool usesStacks) =>
        ModelProperty.Check(
            SlabStep.Any(CpuCount),
            steps => Run(steps, 200, 8, new SlabOptions { UseObjectStacks = usesStacks }, nodeCount: nodeCount),
            tests: 40,
            length: 60);

    private static void Run(IReadOnlyList<SlabStep> steps, int objectBytes, int alignmentBytes, SlabOptions options, bool plantsBug = false, int nodeCount = 1)
    {
        using SlabMachine machine = new(CpuCount, options, nodeCount: nodeCount);
        SlabCache cache = machine.System.Create("test", objectBytes, alignmentBytes);
        SlabModel model = new(machine, cache);
        foreach (SlabStep step in steps)
        {
            model.Run(step);
        }

        if (plantsBug && cache.TryAllocate(new CpuId(0), GfpFlags.Kernel, out PhysAddr stolen))
        {
            cache.Free(new CpuId(0), stolen);
            cache.Free(new CpuId(1), stolen);
        }

        model.Verify();
        model.FreeAll(new CpuId(CpuCount - 1));
        model.Verify();
    }
}
