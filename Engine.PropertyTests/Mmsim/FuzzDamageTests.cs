using Mmsim.Fuzz;
using Xunit;

namespace Engine.PropertyTests.MmsimTests;

/// <summary>Garbage in the arena never hurts the host: whatever the kernel's data turn into, calls end, and in no exception.</summary>
public sealed class FuzzDamageTests
{
    private const int Scripts = 40;

    [Fact]
    public void Random_damage_is_survived()
    {
        for (ulong seed = 1; seed <= Scripts; seed++)
        {
            FuzzResult result = new FuzzDamage().RunOne(seed);
            Assert.True(result.Failure is null, $"seed {seed}: {result.Failure}\n{result.Test}");
        }
    }
}
