using FsCheck.Fluent;
using Xunit;
using Xunit.Sdk;

namespace Engine.PropertyTests.Support;

/// <summary>The property runner itself: it must see a bug, and shrink it.</summary>
public sealed class ModelPropertyTests
{
    [Fact]
    public void A_bug_is_found_and_shrunk_to_its_core()
    {
        IReadOnlyList<int>? smallest = null;
        ModelProperty.MustFail(Gen.Choose(0, 100), sequence =>
        {
            if (sequence.Contains(7) && sequence.Contains(9))
            {
                smallest = sequence;
                throw new InvalidOperationException("7 and 9 met");
            }
        });
        Assert.Equal([7, 9], smallest!.Order());
    }

    [Fact]
    public void A_property_without_a_bug_is_not_a_caught_bug() =>
        Assert.Throws<XunitException>(() => ModelProperty.MustFail(Gen.Choose(0, 100), _ => { }));
}
