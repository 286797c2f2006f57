// One sequence of operations on a real allocator, with a reference beside it that is obviously right: the set of live blocks and
// a flag for each frame in use. What the allocator says is compared with it after each step; every so often Verify() walks
// everything, and the pages of all places together must be the pages that boot gave.

using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Migration;
using Engine.Core.Units;

namespace Mmsim.Fuzz;

/// <summary>Runs operations on a page allocator and checks them against a reference.</summary>
public partial class BuddyRun : IPageMigrator, IDisposable
{
    private const int VerifyEvery = 32;

    private readonly PhysicalMemory memory;
    private readonly MemoryLayout layout;
    private readonly CorruptionLog log = new();
    private readonly List<Pfn> live = [];
    private readonly Dictionary<Pfn, Order> orders = [];
    private readonly Dictionary<Pfn, GfpFlags> flags = [];
    private readonly List<(Pfn Pfn, Order Order)> freed = [];
    private readonly HashSet<Pfn> isolated = [];
    private readonly bool[] isUsed;
    private readonly bool[] isManaged;
    private readonly int cpuCount;
    private int steps;

    /// <summary>Boots a machine.</summary>
    public BuddyRun(BuddySetup setup)
    {
        cpuCount = setup.CpuCount;
        memory = new PhysicalMemory(setup.Banks);
        layout = new MemoryLayout(memory);
        Frames = new FrameTable(memory, layout);
        Allocator = new PageAllocator(memory, layout, Frames, log, setup.Options) { Migrator = this };
        isUsed = new bool[Frames.Count];
        isManaged = new bool[Frames.Count];
        foreach (MemoryBank range in layout.FreeRanges())
        {
            Array.Fill(isManaged, true, (int)(range.Start.Pfn - Frames.First), (int)(range.LengthBytes / Pfn.PageSizeBytes));
        }
    }

    /// <summary>The allocator under test.</summary>
    public PageAllocator Allocator { get; }

    /// <summary>Its frame table.</summary>
    public FrameTable Frames { get; }

    /// <summary>Runs a sequence from a fresh boot.</summary>
    /// <exception cref="FuzzMismatchException">The allocator and the reference disagree, or <c>Verify()</c> found something.</exception>
    public static void Replay(BuddySetup setup, IReadOnlyList<BuddyOperation> operations)
    {
        using BuddyRun run = new(setup);
        run.RunAll(operations);
    }

    /// <summary>Runs a sequence on this machine and checks the end.</summary>
    public void RunAll(IReadOnlyList<BuddyOperation> operations)
    {
        foreach (BuddyOperation operation in operations)
        {
            Step(operation);
        }

        CheckAll();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        memory.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc/>
    public bool CanMove(Pfn head, Order order, CompactMode mode) => flags.TryGetValue(head, out GfpFlags gfp) && (gfp & GfpFlags.Movable) != 0;

    /// <inheritdoc/>
    public bool TryMove(CpuId cpu, Pfn from, Pfn to, Order order, CompactMode mode)
    {
        GfpFlags gfp = flags[from];
        Require(orders[from] == order, $"a block of order {orders[from]} is moved as order {order}");
        Forget(from, order);
        Remember(to, order, gfp);
        return true;
    }

    /// <summary>Allocates; a test overrides it to plant a bug.</summary>
    protected virtual bool TryAllocate(CpuId cpu, Order order, GfpFlags gfp, out Pfn pfn) => Allocator.TryAllocate(cpu, order, gfp, out pfn);

    /// <summary>Frees; a test overrides it to plant a bug.</summary>
    protected virtual void Free(CpuId cpu, Pfn pfn, Order order) => Allocator.Free(cpu, pfn, order);

    private void Step(in BuddyOperation operation)
    {
        CpuId cpu = new(operation.Cpu % cpuCount);
        switch (operation.Step)
        {
            case BuddyStep.Allocate:
                Allocate(cpu, new Order(operation.Order), operation.Gfp);
                break;
            case BuddyStep.Free when live.Count != 0:
            case BuddyStep.FreeDeferred when live.Count != 0:
                FreeLive(cpu, operation);
                break;
            case BuddyStep.FreeTwice:
            case BuddyStep.FreeWrongOrder:
            case BuddyStep.FreeTail:
            case BuddyStep.FreeReserved:
                FreeBadly(cpu, operation);
                break;
            case BuddyStep.DrainLocal:
                Allocator.DrainLocal(cpu);
                break;
            case BuddyStep.DrainAll:
                Allocator.DrainAll(cpu);
                break;
            case BuddyStep.Tick:
                Allocator.Tick(cpu);
                break;
            case BuddyStep.Worker:
                _ = Allocator.RunWorker();
                break;
            case BuddyStep.Bulk:
                AllocateBulk(cpu, operation);
                break;
            case BuddyStep.Split when live.Count != 0:
                Split(operation);
                break;
            case BuddyStep.Isolate:
                Isolate(operation.Pick);
                break;
            case BuddyStep.Range:
                AllocateRange(cpu, operation);
                break;
            case BuddyStep.Compact:
                _ = Allocator.Compact(cpu, Allocator.Zones[(int)(operation.Pick % (uint)Allocator.Zones.Count)], new Order(operation.Order));
                break;
            case BuddyStep.MinFree:
                Allocator.MinFreeKilobytes = 128 + (operation.Pick % 4096);
                break;
            default:
                break;
        }

        if (++steps % VerifyEvery == 0)
        {
            CheckAll();
        }
    }

    private void Allocate(CpuId cpu, Order order, GfpFlags gfp)
    {
        long reports = log.Count;
        if (TryAllocate(cpu, order, gfp, out Pfn pfn))
        {
            CheckFresh(pfn, order, gfp);
            Remember(pfn, order, gfp);
            return;
        }

        // Pages may have left lists, and compaction may have moved some; but none may be gone, and no block may have another owner.
        Require(pfn == Pfn.None, $"a failed allocation returned {pfn}");
        Require(log.Count == reports, "a failed allocation was reported");
        CheckBlocks();
        CheckTotal();
        CheckNothingWasLeft(cpu, order, gfp);
    }

    private void FreeLive(CpuId cpu, in BuddyOperation operation)
    {
        Pfn pfn = live[(int)(operation.Pick % (uint)live.Count)];
        Order order = orders[pfn];
        long reports = log.Count;
        if (operation.Step == BuddyStep.FreeDeferred)
        {
            Allocator.FreeDeferred(cpu, pfn, order);
        }
        else
        {
            Free(cpu, pfn, order);
        }

        Require(log.Count == reports, "a good free was reported");
        Forget(pfn, order);
        freed.Add((pfn, order));
    }

    private void FreeBadly(CpuId cpu, in BuddyOperation operation)
    {
        if (!TryMakeBad(operation, out Pfn pfn, out Order order))
        {
            return;
        }

        long reports = log.Count;
        ulong[] before = CountPlaces();
        Free(cpu, pfn, order);
        Require(log.Count == reports + 1, $"{operation.Step} of {pfn}, order {order}, was not reported");
        Require(log.Items is [.., { Category: CorruptionCategory.BadPageState }] || log.Count > CorruptionLog.KeptMax, "the report is not about a bad page");
        Require(before.AsSpan().SequenceEqual(CountPlaces()), $"{operation.Step} of {pfn} changed something");
    }

    private bool TryMakeBad(in BuddyOperation operation, out Pfn pfn, out Order order)
    {
        order = Order.Zero;
        pfn = Pfn.None;
        uint pick = operation.Pick;
        switch (operation.Step)
        {
            case BuddyStep.FreeTwice when freed.Count != 0:
                (pfn, order) = freed[(int)(pick % (uint)freed.Count)];
                return !isUsed[(int)(pfn - Frames.First)];
            case BuddyStep.FreeWrongOrder when live.Count != 0:
                pfn = live[(int)(pick % (uint)live.Count)];
                order = new Order(operation.Order);
                return orders[pfn] != order;
            case BuddyStep.FreeTail when live.Count != 0:
                pfn = live[(int)(pick % (uint)live.Count)];
                pfn += orders[pfn] > Order.Zero ? 1 + (pick % (orders[pfn].PageCount - 1)) : 0u;
                return !orders.ContainsKey(pfn);
            case BuddyStep.FreeReserved:
                MemoryRegion region = layout.Regions[(int)(pick % (uint)layout.Regions.Count)];
                pfn = (pick & 1) == 0 ? region.Start.Pfn : new Pfn(pick);
                return !Frames.IsValid(pfn) || !isManaged[(int)(pfn - Frames.First)];
            default:
                return false;
        }
    }

    private void AllocateBulk(CpuId cpu, in BuddyOperation operation)
    {
        Pfn[] pages = new Pfn[1 + (operation.Pick % 40)];
        Array.Fill(pages, Pfn.None);
        int count = Allocator.AllocateBulk(cpu, operation.Gfp, pages);
        for (int i = 0; i < pages.Length; i++)
        {
            Require((pages[i] != Pfn.None) == (i < count), $"place {i} of {count} filled places");
            if (i < count)
            {
                CheckFresh(pages[i], Order.Zero, operation.Gfp);
                Remember(pages[i], Order.Zero, operation.Gfp);
            }
        }
    }

    private void Split(in BuddyOperation operation)
    {
        Pfn pfn = live[(int)(operation.Pick % (uint)live.Count)];
        Order old = orders[pfn];
        Order order = new(operation.Order);
        GfpFlags gfp = flags[pfn];
        bool isSplit = Allocator.TrySplit(pfn, order);
        Require(isSplit == old > order, $"a split of order {old} into {order} said {isSplit}");
        if (isSplit)
        {
            Forget(pfn, old);
            for (uint i = 0; i < old.PageCount; i += order.PageCount)
            {
                Remember(pfn + i, order, gfp);
            }
        }
    }

    private void Isolate(uint pick)
    {
        Pfn block = PageBlockOf(Frames.First + (pick % Frames.Count));
        if (isolated.Remove(block))
        {
            Allocator.Unisolate(block, Order.PageBlock.PageCount);
        }
        else if (isolated.Count < 4 && Allocator.TryIsolate(block, Order.PageBlock.PageCount))
        {
            // What lists hold of the pageblock could still be handed out; a range allocation drains as well.
            Allocator.DrainAll(new CpuId(0));
            _ = isolated.Add(block);
        }
    }

    private void AllocateRange(CpuId cpu, in BuddyOperation operation)
    {
        Pfn start = Frames.First + (operation.Pick % Frames.Count);
        uint count = 1 + (operation.Pick % 700);
        bool isTaken = Allocator.TryAllocateRange(cpu, start, count);
        for (uint i = 0; isTaken && i < count; i++)
        {
            CheckFresh(start + i, Order.Zero, GfpFlags.HighUserMovable);
            Remember(start + i, Order.Zero, GfpFlags.HighUserMovable);
        }
    }

    private void Remember(Pfn pfn, Order order, GfpFlags gfp)
    {
        live.Add(pfn);
        orders[pfn] = order;
        flags[pfn] = gfp;
        Array.Fill(isUsed, true, (int)(pfn - Frames.First), (int)order.PageCount);
    }

    private void Forget(Pfn pfn, Order order)
    {
        int index = live.IndexOf(pfn);
        live[index] = live[^1];
        live.RemoveAt(live.Count - 1);
        _ = orders.Remove(pfn);
        _ = flags.Remove(pfn);
        Array.Fill(isUsed, false, (int)(pfn - Frames.First), (int)order.PageCount);
    }

    private static Pfn PageBlockOf(Pfn pfn) => new(pfn.ToUInt32() & ~(Order.PageBlock.PageCount - 1));

    private void Require(bool isRight, string wrong)
    {
        if (!isRight)
        {
            throw new FuzzMismatchException($"step {steps}: {wrong}");
        }
    }
}
