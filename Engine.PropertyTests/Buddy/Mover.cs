using Engine.Core.Buddy;
using Engine.Core.Migration;
using Engine.Core.Units;
using Xunit;

namespace Engine.PropertyTests.Buddy;

/// <summary>An owner of movable pages that writes a number into each, and can move them.</summary>
internal sealed class Mover(PageAllocator allocator) : IPageMigrator
{
    private readonly Dictionary<Pfn, ulong> contents = [];

    /// <summary>Whether nothing may be moved.</summary>
    public bool Pinned { get; set; }

    public int Moved { get; private set; }

    public bool CanMove(Pfn head, Order order, CompactMode mode) => !Pinned && contents.ContainsKey(head);

    public bool TryMove(CpuId cpu, Pfn from, Pfn to, Order order, CompactMode mode)
    {
        allocator.Memory.GetFrame(from).CopyTo(allocator.Memory.GetFrame(to));
        Assert.True(contents.Remove(from, out ulong value));
        contents.Add(to, value);
        Moved++;
        return true;
    }

    /// <summary>Takes all memory.</summary>
    public void Fill()
    {
        while (allocator.TryAllocate(new CpuId(0), Order.Zero, GfpFlags.HighUserMovable | GfpFlags.NoRetry, out Pfn pfn))
        {
            contents.Add(pfn, (ulong)contents.Count);
            allocator.Memory.GetRef<ulong>(pfn.Address) = contents[pfn];
        }
    }

    /// <summary>Gives back all but every <paramref name="keep"/>-th page.</summary>
    public void Thin(int keep)
    {
        foreach (Pfn pfn in contents.Keys.Where(pfn => pfn.ToUInt32() % (uint)keep != 0).ToList())
        {
            _ = contents.Remove(pfn);
            allocator.Free(new CpuId(0), pfn, Order.Zero);
        }

        allocator.DrainLocal(new CpuId(0));
    }

    public void CheckContents() => Assert.All(contents, one => Assert.Equal(one.Value, allocator.Memory.GetRef<ulong>(one.Key.Address)));
}
