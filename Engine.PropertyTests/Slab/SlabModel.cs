using System.Runtime.InteropServices;
using Engine.Core.Slab;
using Engine.Core.Units;
using Xunit;

namespace Engine.PropertyTests.Slab;

/// <summary>The naive truth about one cache: which objects are out, and what was written to each.</summary>
internal sealed class SlabModel
{
    private readonly SlabMachine machine;
    private readonly SlabCache cache;
    private readonly SortedDictionary<ulong, uint> stamps = [];
    private readonly List<PhysAddr> live = [];
    private uint serial;

    public SlabModel(SlabMachine machine, SlabCache cache)
    {
        this.machine = machine;
        this.cache = cache;
    }

    public int LiveCount => live.Count;

    public void Run(SlabStep step)
    {
        CpuId cpu = new(step.Cpu);
        for (int i = 0; i < step.Count; i++)
        {
            if (step.IsAllocation)
            {
                Allocate(cpu, step.Zeroes);
            }
            else if (live.Count > 0)
            {
                Free(cpu, step.Place switch { 0 => 0, 1 => live.Count - 1, _ => (int)((uint)((step.Place * 7919) + (i * 104729)) % (uint)live.Count) });
            }
        }
    }

    public void FreeAll(CpuId cpu)
    {
        while (live.Count > 0)
        {
            Free(cpu, live.Count - 1);
        }
    }

    public void Verify()
    {
        Assert.Equal(0, cache.Verify(out ulong liveObjects));
        Assert.Equal((ulong)live.Count, liveObjects);
        Assert.Equal(0, machine.Log.Count);
    }

    private void Allocate(CpuId cpu, bool zeroes)
    {
        if (!cache.TryAllocate(cpu, zeroes ? GfpFlags.Kernel | GfpFlags.Zero : GfpFlags.Kernel, out PhysAddr address))
        {
            return;
        }

        ulong start = address.ToUInt64();
        ulong size = (ulong)cache.ObjectBytes;
        Assert.Equal(0UL, start % (ulong)cache.Geometry.AlignmentBytes);
        Assert.DoesNotContain(start, stamps.Keys);
        Span<byte> content = machine.Memory.GetSpan(address, (int)size);
        Assert.True(!zeroes || content.IndexOfAnyExcept((byte)0) < 0, "an object that was asked for zeroed is not");
        stamps.Add(start, ++serial);
        live.Add(address);
        Fill(content, serial);
    }

    private void Free(CpuId cpu, int index)
    {
        PhysAddr address = live[index];
        live[index] = live[^1];
        live.RemoveAt(live.Count - 1);
        Assert.True(stamps.Remove(address.ToUInt64(), out uint stamp));
        Span<byte> content = machine.Memory.GetSpan(address, cache.ObjectBytes);
        Assert.True(IsFilled(content, stamp), $"the content of {address} changed while it was out");
        cache.Free(cpu, address);
    }

    private static void Fill(Span<byte> content, uint stamp)
    {
        content.Fill((byte)stamp);
        MemoryMarshal.Cast<byte, uint>(content).Fill(stamp);
    }

    private static bool IsFilled(ReadOnlySpan<byte> content, uint stamp) =>
        MemoryMarshal.Cast<byte, uint>(content).IndexOfAnyExcept(stamp) < 0 && content[(content.Length & ~3)..].IndexOfAnyExcept((byte)stamp) < 0;
}
