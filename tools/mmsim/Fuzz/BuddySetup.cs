using System.Globalization;
using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Units;

namespace Mmsim.Fuzz;

/// <summary>The machine that a sequence runs on.</summary>
/// <param name="Kind">0: 64 MiB, one zone; 1: two banks with a hole, DMA and Normal; 2: two nodes; 3: a movable zone; 4: 16 MiB, which are soon used up.</param>
/// <param name="CpuCount">CPUs.</param>
public readonly record struct BuddySetup(int Kind, int CpuCount)
{
    /// <summary>How many kinds there are.</summary>
    public const int KindCount = 5;

    private const ulong MiB = 1UL << 20;

    /// <summary>The RAM.</summary>
    public MemoryBank[] Banks => Kind switch
    {
        1 => [new(new PhysAddr(0xff000000), 16 * MiB), new(new PhysAddr(0x1_00000000), 24 * MiB), new(new PhysAddr(0x1_02000000), 18 * MiB)],
        2 => [new(new PhysAddr(0x40000000), 32 * MiB), new(new PhysAddr(0x44000000), 32 * MiB, 1)],
        4 => [new(new PhysAddr(0x40000000), 16 * MiB)],
        _ => [new(new PhysAddr(0x40000000), 64 * MiB)],
    };

    /// <summary>The allocator's options.</summary>
    public PageAllocatorOptions Options => new()
    {
        CpuCount = CpuCount,
        IsDeterministic = true,
        MovableBytes = Kind == 3 ? 24 * MiB : 0,
        CheckPages = Kind == 1,
    };

    /// <summary>The setup as C#.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"new BuddySetup({Kind}, {CpuCount})");
}
