using System.Collections.Concurrent;
using Engine.Core.Slab;
using Engine.Core.Units;
using Xunit;

namespace Engine.PropertyTests.Slab;

/// <summary>Host threads, one a CPU: objects pass between them, and at the end everything is there once.</summary>
public sealed class SlabThreadTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Objects_survive_passing_between_threads(bool usesStacks)
    {
        const int CpuCount = 3;
        using SlabMachine machine = new(CpuCount, new SlabOptions { UseObjectStacks = usesStacks }, lengthBytes: 64UL << 20);
        SlabCache cache = machine.System.Create("passing", 128);
        ConcurrentQueue<PhysAddr>[] mail = [.. Enumerable.Range(0, CpuCount).Select(_ => new ConcurrentQueue<PhysAddr>())];
        ConcurrentBag<string> wrong = [];
        Thread[] threads = [.. Enumerable.Range(0, CpuCount).Select(index => new Thread(() => Pass(machine, cache, mail, index, wrong)))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.Empty(wrong);
        foreach (PhysAddr address in mail.SelectMany(queue => queue))
        {
            cache.Free(new CpuId(0), address);
        }

        Assert.Equal(0, cache.Verify(out ulong live));
        Assert.Equal((0UL, 0L), (live, machine.Log.Count));
        Assert.True(cache.Destroy(new CpuId(0)));
    }

    private static void Pass(SlabMachine machine, SlabCache cache, ConcurrentQueue<PhysAddr>[] mail, int index, ConcurrentBag<string> wrong)
    {
        CpuId cpu = new(index);
        ulong state = (ulong)index + 1;
        for (int i = 0; i < 60_000; i++)
        {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            if (cache.TryAllocate(cpu, GfpFlags.Kernel, out PhysAddr address))
            {
                machine.Memory.GetRef<ulong>(address) = ~address.ToUInt64();
                mail[(int)(state % (ulong)mail.Length)].Enqueue(address);
            }

            while (mail[index].TryDequeue(out PhysAddr received))
            {
                if (machine.Memory.GetRef<ulong>(received) != ~received.ToUInt64())
                {
                    wrong.Add($"object {received} was changed by another");
                    return;
                }

                machine.Memory.GetRef<ulong>(received) = 0;
                cache.Free(cpu, received);
            }
        }
    }
}
