using FsCheck;
using FsCheck.Fluent;

namespace Engine.PropertyTests.Slab;

/// <summary>One step against a cache: some allocations or frees by one CPU.</summary>
internal sealed record SlabStep(bool IsAllocation, int Cpu, int Count, int Place, bool Zeroes)
{
    /// <summary>Steps of up to 200 operations, frees in order, reversed or scattered.</summary>
    public static Gen<SlabStep> Any(int cpuCount) =>
        from isAllocation in Gen.Elements(true, true, false)
        from cpu in Gen.Choose(0, cpuCount - 1)
        from count in Gen.Frequency((3, Gen.Choose(1, 8)), (1, Gen.Choose(1, 200)))
        from place in Gen.Choose(0, 5)
        from zeroes in Gen.Elements(false, false, false, true)
        select new SlabStep(isAllocation, cpu, isAllocation ? count : count * 2, place, zeroes);
}
