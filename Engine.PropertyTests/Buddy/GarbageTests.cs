using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Units;
using Mmsim.Fuzz;
using Xunit;

namespace Engine.PropertyTests.Buddy;

/// <summary>Whatever the allocator's own data turns into, the host stays unharmed: no access outside, no endless loop, no crash.</summary>
public sealed class GarbageTests
{
    private static readonly CpuId Cpu0 = new(0);

    [Theory]
    [InlineData("pageblock table")]
    [InlineData("free maps")]
    [InlineData("free area bitmaps")]
    [InlineData("zones")]
    [InlineData("frame states")]
    [InlineData("per-cpu page lists")]
    [InlineData("deferred frees")]
    [InlineData("frame table")]
    public void Flipped_bits_and_garbage_are_survived(string region)
    {
        int detected = 0;
        for (ulong seed = 0; seed < 12; seed++)
        {
            detected += Survive(region, seed) ? 1 : 0;
        }

        // The states, maps and trees contradict each other soon; a descriptor's content is checked only on request.
        Assert.True(detected > 0 || region is "frame table" or "zones" or "deferred frees" or "free maps", $"nothing in {region} was noticed");
    }

    private static bool Survive(string name, ulong seed)
    {
        SplitMix64 random = new(seed);
        using TestMachine machine = new(32UL << 20, new PageAllocatorOptions { IsDeterministic = true, CheckPages = seed % 2 == 0 });
        PageAllocator allocator = machine.Allocator;
        MemoryRegion region = machine.Layout.Regions.Single(one => one.Name == name);
        List<(Pfn Pfn, Order Order)> live = [];
        for (int i = 0; i < 3000; i++)
        {
            if (i % 100 == 50)
            {
                // A flipped bit, or a stretch of garbage.
                Span<byte> bytes = machine.Memory.GetSpan(region.Start, (int)region.LengthBytes);
                int at = random.Below((int)Math.Min(region.LengthBytes, seed < 6 ? 2048 : region.LengthBytes));
                bytes[at] ^= (byte)(1 << random.Below(8));
                int length = seed % 3 == 0 ? Math.Min(64, bytes.Length - at) : 0;
                foreach (ref byte one in bytes.Slice(at, length))
                {
                    one = (byte)random.Next();
                }
            }

            if (random.Below(2) == 0 || live.Count == 0)
            {
                Order order = new(random.Below(11));
                GfpFlags gfp = random.Below(2) == 0 ? GfpFlags.Kernel : GfpFlags.HighUserMovable | GfpFlags.Comp;
                if (allocator.TryAllocate(Cpu0, order, gfp, out Pfn pfn))
                {
                    Assert.True(machine.Frames.IsValid(pfn), $"{pfn} is no memory");
                    live.Add((pfn, order));
                }
            }
            else
            {
                int pick = random.Below(live.Count);
                allocator.Free(Cpu0, live[pick].Pfn, live[pick].Order);
                live.RemoveAt(pick);
            }

            if (i % 250 == 249)
            {
                allocator.FreeDeferred(Cpu0, live.Count != 0 ? live[0].Pfn : Pfn.None, live.Count != 0 ? live[0].Order : Order.Zero);
                _ = allocator.RunWorker();
                allocator.Tick(Cpu0);
                allocator.DrainAll(Cpu0);
                _ = allocator.Verify();
            }
        }

        return machine.Log.Count != 0 || allocator.Verify().Count != 0;
    }
}
