using FsCheck;
using FsCheck.Fluent;

namespace Engine.PropertyTests.MmsimTests;

/// <summary>One access of a made-up program, as a packed word.</summary>
internal sealed record AccessStep(ulong Word)
{
    private const ulong LastOfLowerHalf = 0x0000_ffff_ffff_0000;

    /// <summary>Accesses that stay near each other, with some that do not, of all sizes and in both halves of the address space.</summary>
    public static Gen<AccessStep> Any =>
        from kind in Gen.Elements(0, 0, 1, 2, 3)
        from region in Gen.Elements(0x401000UL, 0x1fff000000UL, 0x4800000UL, 0UL, 0xffff_8000_0000_0000UL, LastOfLowerHalf)
        from offset in Gen.Frequency((6, Gen.Choose(0, 255)), (3, Gen.Choose(0, 65535)), (1, Gen.Choose(0, int.MaxValue)))
        let within = region == LastOfLowerHalf ? offset & 0xffff : offset
        from size in Gen.Frequency((12, Gen.Choose(1, 9)), (2, Gen.Choose(10, 64)), (1, Gen.Choose(65, 1023)))
        select new AccessStep(unchecked(((region + (ulong)(uint)within) << 12) | ((ulong)(uint)size << 2) | (uint)kind));
}
