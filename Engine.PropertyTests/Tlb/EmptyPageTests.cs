using Engine.Arm64.Tlb;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;
using Engine.PropertyTests.PageTables;
using FsCheck.Xunit;
using Xunit;

namespace Engine.PropertyTests.Tlb;

/// <summary>
/// Faults on empty pages of a last-level table, where the short way's walk is the only one: a unit that may take it, beside one whose observer
/// wants every read and which therefore walks the general way.
/// </summary>
public sealed class EmptyPageTests : IDisposable
{
    private const int Pages = 24;
    private const ulong PageBytes = 4096;
    private static readonly VirtAddr First = new(0x4000_0000_0000);
    private readonly TestTree machine = new();
    private readonly TranslationUnit<ArenaWalker, NoObserver> quick;
    private readonly TranslationUnit<ArenaWalker, ReadCounter> general;

    public EmptyPageTests()
    {
        // Full after a few pages: only then does the short way go without a call.
        Assert.True(TlbSpec.TryParse("l1=4:full,l2=8:4", out TlbGeometry? geometry, out _, out _));
        PhysAddr root = machine.Table.Root.Address;
        quick = new(geometry!, new ArenaWalker(machine.Memory) { Ttbr0 = root });
        general = new(geometry!, new ArenaWalker(machine.Memory) { Ttbr0 = root }, new ReadCounter());
    }

    public void Dispose() => machine.Dispose();

    [Property(MaxTest = 50)]
    public void Faults_counts_and_stops_are_those_of_the_general_way(byte[] steps)
    {
        foreach (byte step in steps)
        {
            VirtAddr page = First + ((ulong)(step % Pages) * PageBytes);
            AccessKind kind = (step & 32) != 0 ? AccessKind.Store : AccessKind.Load;
            switch (step >> 6)
            {
                case 0:
                    Assert.True(machine.Table.TryMap(TestTree.Cpu, page, new Pfn(0x40000u + (step % 16u)), PageAttributes.UserReadWrite));
                    break;
                case 1:
                    // The table stays where it was once made, with one empty place more.
                    machine.Table.Set(page, Descriptor.None);
                    quick.InvalidateAll();
                    general.InvalidateAll();
                    break;
                case 2:
                    ulong expected = general.Translate(page, kind);
                    Assert.Equal(expected, quick.Translate(page, kind));
                    CompareStops(expected == TranslationUnit<ArenaWalker, ReadCounter>.Faulted);
                    break;
                default:
                    Access[] batch = [new(First, 1, kind), new(page, 1, kind), new(page + PageBytes, 1, kind)];
                    int count = general.Run(batch);
                    Assert.Equal(count, quick.Run(batch));
                    CompareStops(count < batch.Length);
                    break;
            }
        }

        Assert.Equal(general.Statistics, quick.Statistics);
        Assert.Equal(general.WalkCount, quick.WalkCount);
        Assert.Equal(general.DescriptorReadCount, quick.DescriptorReadCount);
        Assert.All(Enumerable.Range(0, 4), level => Assert.Equal(general.DescriptorReadsAt(level), quick.DescriptorReadsAt(level)));
    }

    private void CompareStops(bool hasFaulted)
    {
        if (hasFaulted)
        {
            Assert.Equal(general.Stop, quick.Stop);
        }
    }
}
