using Engine.Arm64.Tlb;
using Engine.Arm64.Units;
using Engine.PropertyTests.Support;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.Tlb;

/// <summary>No CPU may ever meet entries of another address space under the ASID that it runs with.</summary>
public sealed class AsidAllocatorTests
{
    private const int CpuCount = 4;
    private const int MmCount = 700;

    [Theory]
    [InlineData(8, false)]
    [InlineData(8, true)]
    [InlineData(16, false)]
    public void No_cpu_meets_entries_of_another_address_space(int bits, bool isolates) =>
        ModelProperty.Check(Switches(), sequence => Run(bits, isolates, sequence, forgetsFlush: false), tests: 60, length: 3000);

    [Fact]
    public void A_forgotten_flush_is_caught() =>
        ModelProperty.MustFail(Switches(), sequence => Run(8, false, sequence, forgetsFlush: true), tests: 60, length: 3000);

    [Fact]
    public void The_number_is_kept_over_a_rollover_where_it_is_free()
    {
        AsidAllocator allocator = new(8, 2);
        ulong first = 0;
        Assert.Equal(new Asid(1), allocator.Switch(0, ref first, isPinned: false, out bool mustFlush));
        Assert.False(mustFlush);
        for (int i = 0; i < 255; i++)
        {
            ulong other = 0;
            allocator.Switch(1, ref other, isPinned: false, out _);
        }

        // CPU 0 still runs the first one: its number was reserved through the rollover.
        Assert.Equal(1UL, allocator.RolloverCount);
        Assert.Equal(new Asid(1), allocator.Switch(0, ref first, isPinned: false, out mustFlush));
        Assert.True(mustFlush);
    }

    [Fact]
    public void Pinned_numbers_are_limited_and_kept()
    {
        AsidAllocator allocator = new(8, 2);
        Assert.Equal(252UL, allocator.PinnedMax);
        ulong pinned = 0;
        Assert.True(allocator.TryPin(ref pinned));
        for (int i = 0; i < 600; i++)
        {
            ulong other = 0;
            Assert.NotEqual(allocator.AsidOf(pinned), allocator.Switch(0, ref other, isPinned: false, out _));
        }
    }

    private static FsCheck.Gen<(int Cpu, int Mm)> Switches() =>
        from cpu in Gen.Choose(0, CpuCount - 1)
        from mm in Gen.Frequency((1, Gen.Choose(0, 9)), (3, Gen.Choose(0, MmCount - 1)))
        select (cpu, mm);

    private static void Run(int bits, bool isolates, IReadOnlyList<(int Cpu, int Mm)> sequence, bool forgetsFlush)
    {
        AsidAllocator allocator = new(bits, CpuCount, isolates);
        ulong[] contexts = new ulong[MmCount];

        // For each CPU, whose entries its TLB may hold under which ASID.
        Dictionary<ushort, int>[] cached = [.. Enumerable.Range(0, CpuCount).Select(_ => new Dictionary<ushort, int>())];
        foreach ((int cpu, int mm) in sequence)
        {
            ushort asid = allocator.Switch(cpu, ref contexts[mm], isPinned: false, out bool mustFlush).ToUInt16();
            if (mustFlush && !forgetsFlush)
            {
                cached[cpu].Clear();
            }

            Assert.NotEqual(0, asid);
            Assert.True(!isolates || asid % 2 == 0);
            if (!cached[cpu].TryAdd(asid, mm))
            {
                Assert.Equal(mm, cached[cpu][asid]);
            }
        }
    }
}
