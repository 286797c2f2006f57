using Engine.Core.Slab;
using Engine.Core.Units;
using Engine.PropertyTests.Support;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.Slab;

/// <summary>Any byte of memory may be anything: calls return, nothing outside the arena is touched.</summary>
public sealed class SlabCorruptionTests
{
    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 1)]
    [InlineData(true, 2)]
    [InlineData(false, 2)]
    public void Random_damage_anywhere_neither_hangs_nor_crashes(bool usesStacks, int nodeCount) =>
        ModelProperty.Check(
            from isDamage in Gen.Elements(true, false, false)
            from place in Gen.Choose(0, int.MaxValue)
            from value in Gen.Elements(0UL, 1UL, ulong.MaxValue, 0x4000_0000UL, 0x4080_0008UL, 0x0123_4567_89ab_cdefUL)
            from step in SlabStep.Any(2)
            select (isDamage, place, value, step),
            plans => Run(plans, usesStacks, nodeCount),
            tests: 40,
            length: 40);

    private static void Run(IReadOnlyList<(bool IsDamage, int Place, ulong Value, SlabStep Step)> plans, bool usesStacks, int nodeCount)
    {
        using SlabMachine machine = new(2, new SlabOptions { UseObjectStacks = usesStacks }, lengthBytes: 8UL << 20, nodeCount);
        SlabCache cache = machine.System.Create("damaged", 72);
        List<PhysAddr> live = [];
        foreach ((bool isDamage, int place, ulong value, SlabStep step) in plans)
        {
            for (int i = 0; i < step.Count; i++)
            {
                if (step.IsAllocation && cache.TryAllocate(new CpuId(step.Cpu), GfpFlags.NoWait, out PhysAddr address))
                {
                    live.Add(address);
                }
                else if (!step.IsAllocation && live.Count > 0)
                {
                    cache.Free(new CpuId(step.Cpu), live[^1]);
                    live.RemoveAt(live.Count - 1);
                }
            }

            if (isDamage && live.Count > 0)
            {
                Damage(machine, cache, live[place % live.Count], place, value);
            }
        }

        _ = cache.Shrink(new CpuId(0));
        _ = cache.Verify(out _);
        _ = cache.Destroy(new CpuId(0));
    }

    // Words of the slab, of its descriptor, and of the cache's bookkeeping.
    private static void Damage(SlabMachine machine, SlabCache cache, PhysAddr near, int place, ulong value)
    {
        PhysAddr frame = new(near.ToUInt64() & ~4095UL);
        if (!machine.Memory.Contains(frame, 4096))
        {
            return;
        }

        switch (place % 3)
        {
            case 0:
                _ = machine.Memory.TryWrite(frame + (ulong)(place & 0xff8), value);
                break;
            case 1:
                Span<ulong> words = System.Runtime.InteropServices.MemoryMarshal.Cast<Core.Frames.Frame, ulong>(
                    System.Runtime.InteropServices.MemoryMarshal.CreateSpan(ref machine.Pages.Frames[near.Pfn], 1));

                // The slab's own words: owner, links, freelist and counters.
                words[1 + (place % 4 == 3 ? 0 : place % 4 == 2 ? 1 : 3)] = value;
                break;
            default:
                cache.Scribble(place, value);
                break;
        }
    }
}
