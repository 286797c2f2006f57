using Engine.Core.Swap;
using Engine.Core.Units;
using Engine.PropertyTests.Support;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.Swap;

/// <summary>Pages go to swap space and come back while processes fork, write, unmap and exit: everyone sees its own bytes.</summary>
public sealed class SwapProperties
{
    [Fact]
    public void Everyone_sees_its_bytes() => ModelProperty.Check(Steps(), steps => Run(steps, new MemorySwapStore(1 << 20)), tests: 40, length: 50);

    [Fact]
    public void Everyone_sees_its_bytes_on_a_slow_device() =>
        ModelProperty.Check(Steps(), steps => Run(steps, new MemorySwapStore(1 << 20, isSynchronous: false), KernelRelease.Linux618), tests: 40, length: 50);

    [Fact]
    public void Everyone_sees_its_bytes_in_a_full_swap_space() =>
        ModelProperty.Check(Steps(), steps => Run(steps, new MemorySwapStore(12UL << Pfn.PageShift)), tests: 30, length: 50);

    [Fact]
    public void Everyone_sees_its_bytes_below_a_limit() =>
        ModelProperty.Check(Steps(), steps => Run(steps, new MemorySwapStore(1 << 20), limitPages: 12), tests: 30, length: 50);

    [Fact]
    public void A_store_that_mixes_pages_up_is_caught() => ModelProperty.MustFail(Steps(), steps => Run(steps, new ForgetfulStore(1 << 20)), tests: 40, length: 50);

    [Fact]
    public void A_reference_too_many_is_caught()
    {
        using SwapModel model = new(new MemorySwapStore(1 << 20));
        model.Apply(new SwapStep(0, 0, 0, 4, 7));
        model.Apply(new SwapStep(8, 0, 0, 4, 0));
        Assert.Empty(model.Machine.VerifyReclaim());
        Assert.True(model.Machine.Swap.TryDuplicate(new SwapEntry(0, 1)));
        Assert.Contains(model.Machine.VerifyReclaim(), finding => finding.Reason == "references to a swap slot");
    }

    private static Gen<SwapStep> Steps() =>
        from kind in Gen.Choose(0, 17)
        from process in Gen.Choose(0, 3)
        from page in Gen.Choose(0, 25)
        from count in Gen.Choose(1, 12)
        from value in Gen.Choose(0, 255)
        select new SwapStep(kind, process, page, count, (byte)value);

    private static void Run(IReadOnlyList<SwapStep> steps, ISwapStore store, KernelRelease release = KernelRelease.Linux69, ulong? limitPages = null)
    {
        using SwapModel model = new(store, release, limitPages);
        foreach (SwapStep step in steps)
        {
            model.Apply(step);
        }

        model.CheckAll();
    }
}
