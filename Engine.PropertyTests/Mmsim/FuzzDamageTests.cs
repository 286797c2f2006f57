using Engine.Arm64;
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

    /// <summary>What throws is found, and the damage is not harmless: recounting notices some of it.</summary>
    [Fact]
    public void A_planted_exception_is_found_and_damage_is_noticed()
    {
        Assert.Contains(nameof(InvalidOperationException), FuzzDamage.RunBounded(() => throw new InvalidOperationException()), StringComparison.Ordinal);
        using Machine machine = new(new MachineOptions { MemoryBytes = 64 << 20 });
        Assert.Empty(machine.Pages.Verify());
        SplitMix64 random = new(1);
        for (int i = 0; i < 40; i++)
        {
            ArenaDamage.Apply(machine, random);
        }

        Assert.NotEmpty(machine.Pages.Verify());
    }
}
