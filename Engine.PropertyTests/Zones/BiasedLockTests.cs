using Engine.Core.Zones;
using Xunit;

namespace Engine.PropertyTests.Zones;

/// <summary>The lock of a part of a zone: one inside at a time, whether it leans towards its owner or not.</summary>
public sealed class BiasedLockTests
{
    [Fact]
    public void Owner_and_others_are_never_inside_together()
    {
        // The owner comes often enough that the lock leans towards it again and again; the others end that now and then.
        const int OwnerTurns = 400_000;
        const int OtherTurns = 300;
        BiasedLock one = new();
        long[] inside = new long[2];
        using Barrier start = new(3);
        Thread owner = new(() =>
        {
            start.SignalAndWait();
            for (int i = 0; i < OwnerTurns; i++)
            {
                one.AcquireAsOwner();
                Touch(inside);
                one.ReleaseAsOwner();
            }
        });
        Thread[] others = [.. Enumerable.Range(0, 2).Select(_ => new Thread(() =>
        {
            start.SignalAndWait();
            for (int i = 0; i < OtherTurns; i++)
            {
                one.Acquire();
                for (int k = 0; k < 100; k++)
                {
                    Touch(inside);
                }

                one.Release();
                Thread.SpinWait(20_000);
            }
        }))];
        owner.Start();
        Array.ForEach(others, thread => thread.Start());
        owner.Join();
        Array.ForEach(others, thread => thread.Join());
        Assert.Equal(OwnerTurns + (2L * OtherTurns * 100), inside[0]);
        Assert.Equal(0, inside[1]);
    }

    [Fact]
    public void The_owner_alone_comes_and_goes_before_and_after_the_lock_leans()
    {
        BiasedLock one = new();
        for (int i = 0; i < 10_000; i++)
        {
            one.AcquireAsOwner();
            one.ReleaseAsOwner();
        }

        // Whoever comes then finds nobody inside, and the owner passes the gate again.
        for (int i = 0; i < 3; i++)
        {
            one.Acquire();
            one.Release();
            one.AcquireAsOwner();
            one.ReleaseAsOwner();
        }
    }

    // Two counters that only agree where nobody else is between the steps.
    private static void Touch(long[] inside)
    {
        inside[1]++;
        inside[0]++;
        inside[1]--;
    }
}
