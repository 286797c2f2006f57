using Engine.Core.Buddy;
using Engine.Core.Units;
using Mmsim.Fuzz;
using Xunit;

namespace Engine.PropertyTests.Buddy;

/// <summary>Real threads, each with a simulated CPU of its own; at the end every frame must be accounted for.</summary>
public sealed class ConcurrentTests
{
    private const int Steps = 40_000;

    [Fact]
    public void Threads_on_their_own_CPUs_lose_no_frame() => Run(Steps, losesABlock: false);

    [Fact]
    public void A_block_that_a_thread_forgets_is_caught() => Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => Run(1000, losesABlock: true));

    private static void Run(int steps, bool losesABlock)
    {
        const int Cpus = 4;
        using TestMachine machine = new(64UL << 20, new PageAllocatorOptions { CpuCount = Cpus });
        PageAllocator allocator = machine.Allocator;

        // Blocks change hands through slots: what one CPU allocated another may free.
        Pfn[] slots = new Pfn[512];
        byte[] slotOrders = new byte[512];
        Array.Fill(slots, Pfn.None);
        List<Exception> errors = [];
        Thread[] threads = [.. Enumerable.Range(0, Cpus).Select(cpu => new Thread(() => Guard(() => Work(cpu))))];
        using CancellationTokenSource stop = new();
        Thread worker = new(() => Guard(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                _ = allocator.RunWorker(256);
                _ = Thread.Yield();
            }
        }));
        worker.Start();
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        stop.Cancel();
        worker.Join();
        Assert.Empty(errors);
        Assert.Empty(machine.Log.Items);
        Assert.Empty(allocator.Verify());
        for (int i = 0; i < slots.Length; i++)
        {
            if (slots[i] != Pfn.None)
            {
                allocator.Free(new CpuId(0), slots[i], new Order(slotOrders[i]));
            }
        }

        // Each owner serves what others asked of it, and gives back what it has.
        for (int cpu = 0; cpu < Cpus; cpu++)
        {
            allocator.DrainAll(new CpuId(cpu));
        }

        Assert.Empty(allocator.Verify());
        Assert.Equal(allocator.ManagedPages, allocator.Zones[0].FreePages);

        void Work(int number)
        {
            SplitMix64 random = new((ulong)number + 100);
            CpuId cpu = new(number);
            int[] orders = [0, 0, 0, 0, 1, 2, 3, 4, 6, 9];
            for (int i = 0; i < steps; i++)
            {
                int slot = random.Below(slots.Length);
                Order order = new(orders[random.Below(orders.Length)]);
                bool isTaken = allocator.TryAllocate(cpu, order, GfpFlags.HighUserMovable, out Pfn pfn);
                (Pfn old, byte oldOrder) = Exchange(slot, isTaken ? pfn : Pfn.None, (byte)order.ToInt32());
                if (losesABlock && number == 0 && i > steps / 2)
                {
                    continue;
                }

                if (old != Pfn.None && i % 16 == 0)
                {
                    allocator.FreeDeferred(cpu, old, new Order(oldOrder));
                }
                else if (old != Pfn.None)
                {
                    allocator.Free(cpu, old, new Order(oldOrder));
                }

                if (i % 5000 == 4999)
                {
                    allocator.DrainAll(cpu);
                }
            }
        }

        (Pfn Pfn, byte Order) Exchange(int slot, Pfn pfn, byte order)
        {
            lock (slots)
            {
                (Pfn, byte) old = (slots[slot], slotOrders[slot]);
                slots[slot] = pfn;
                slotOrders[slot] = order;
                return old;
            }
        }

        void Guard(Action action)
        {
#pragma warning disable CA1031 // reported by the test
            try
            {
                action();
            }
            catch (Exception error)
            {
                lock (errors)
                {
                    errors.Add(error);
                }
            }
#pragma warning restore CA1031
        }
    }

    [Fact]
    public void A_drain_reaches_another_CPUs_lists_through_its_inbox()
    {
        using TestMachine machine = new(64UL << 20, new PageAllocatorOptions { CpuCount = 2 });
        PageAllocator allocator = machine.Allocator;
        CpuId owner = new(1);
        Assert.True(allocator.TryAllocate(owner, Order.Zero, GfpFlags.Kernel, out Pfn pfn));
        int kept = allocator.GetPerCpuReport(allocator.Zones[0], owner).Count;
        Assert.True(kept > 0);
        allocator.DrainAll(new CpuId(0));
        Assert.Equal(kept, allocator.GetPerCpuReport(allocator.Zones[0], owner).Count);
        allocator.Free(owner, pfn, Order.Zero);
        Assert.Equal(1, allocator.GetPerCpuReport(allocator.Zones[0], owner).Count);
        Assert.Empty(allocator.Verify());
    }

    [Fact]
    public void In_deterministic_mode_a_drain_empties_all_lists_at_once()
    {
        using TestMachine machine = new(64UL << 20, new PageAllocatorOptions { CpuCount = 2, IsDeterministic = true });
        PageAllocator allocator = machine.Allocator;
        Assert.True(allocator.TryAllocate(new CpuId(1), Order.Zero, GfpFlags.Kernel, out _));
        allocator.DrainAll(new CpuId(0));
        Assert.Equal(0, allocator.GetPerCpuReport(allocator.Zones[0], new CpuId(1)).Count);
    }
}
