using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Units;
using Engine.PropertyTests.Support;
using FsCheck;
using FsCheck.Fluent;
using Mmsim.Fuzz;
using Xunit;

namespace Engine.PropertyTests.Processes;

/// <summary>The VMA tree against a sorted list of intervals, and against garbage.</summary>
public sealed class VmAreaTreeTests
{
    private const ulong PageBytes = 4096;
    private const int PagesMax = 600;

    private enum Kind
    {
        Insert,
        Remove,
        Resize,
    }

    private static Gen<(Kind Kind, int Page, int Length)> Operations =>
        from kind in Gen.Frequency((6, Gen.Constant(Kind.Insert)), (3, Gen.Constant(Kind.Remove)), (2, Gen.Constant(Kind.Resize)))
        from page in Gen.Choose(0, PagesMax - 1)
        from length in Gen.Choose(1, 3)
        select (kind, page, length);

    [Fact]
    public void Tree_equals_a_sorted_list() =>
        ModelProperty.Check(Operations, operations => Run(operations, _ => { }), tests: 60, length: 800);

    [Theory]
    [InlineData("end")]
    [InlineData("floor")]
    [InlineData("gap")]
    [InlineData("link")]
    public void A_wrong_word_is_caught(string bug) =>
        ModelProperty.MustFail(Operations, operations => Run(operations, world => world.Plant(bug)), tests: 20, length: 300);

    [Fact]
    public void Garbage_in_nodes_is_reported_and_ends_every_walk()
    {
        ulong state = 1;
        for (int round = 0; round < 300; round++)
        {
            using World world = new();
            for (int page = 0; page < 200; page += 2)
            {
                world.Insert(page, 1);
            }

            world.Scribble(ref state, 8);
            for (int page = 0; page < 200; page++)
            {
                VmAreaRef found = world.Tree.Find(At(page));
                _ = world.Tree.FindFrom(At(page));
                _ = found.IsNone ? found : world.Tree.NextOf(found);
                _ = world.Tree.TryFindGapTopDown(PageBytes, default, At(page), out _);
                _ = world.Tree.TryFindGapBottomUp(PageBytes, At(page), At(PagesMax), out _);
            }

            for (int page = 0; page < 200; page += 3)
            {
                VmAreaRef found = world.Tree.Find(At(page));
                if (!found.IsNone)
                {
                    world.Tree.Remove(ArenaFixture.Cpu, found);
                }

                world.TryInsert(page, 1);
            }

            world.Tree.Verify();
        }
    }

    // The way that a tree took last is kept. Here the nodes on it are freed and become another tree's.
    [Fact]
    public void Trees_that_trade_their_nodes_stay_apart()
    {
        using World world = new();
        VmAreaTree[] trees = [world.Tree, new VmAreaTree(world.Arena.Caches, world.Arena.TakePage())];
        VmAreaRef[][] models = [Enumerable.Repeat(VmAreaRef.None, PagesMax).ToArray(), Enumerable.Repeat(VmAreaRef.None, PagesMax).ToArray()];
        SplitMix64 random = new(4);
        for (int round = 0; round < 400; round++)
        {
            int which = random.Below(2);
            bool isEmptying = random.Below(3) == 0;
            int from = random.Below(PagesMax);
            for (int page = from; page < Math.Min(from + 120, PagesMax); page++)
            {
                if (isEmptying)
                {
                    world.RemoveFrom(trees[which], ref models[which][page]);
                }
                else if (models[which][page].IsNone)
                {
                    models[which][page] = world.AddTo(trees[which], page);
                }
            }

            for (int page = 0; page < PagesMax; page++)
            {
                Assert.Equal(models[0][page], trees[0].Find(At(page)));
                Assert.Equal(models[1][page], trees[1].Find(At(page)));
            }
        }

        Assert.True(trees[0].Verify() && trees[1].Verify(), string.Join("; ", world.Arena.Log.Items));
    }

    [Fact]
    public void An_insertion_without_memory_changes_nothing()
    {
        using World world = new(3UL << 20);
        int page = 0;
        while (world.TryInsert(page, 1) && page < 2_000_000)
        {
            page += 2;
        }

        Assert.True(page < 2_000_000);
        Assert.True(world.Tree.Verify());
        Assert.Equal(page / 2, world.Tree.Count);
        Assert.Equal(0, world.Arena.Log.Count);
    }

    private static VirtAddr At(int page) => new(0x1_0000_0000 + ((ulong)page * PageBytes));

    private static void Run(IReadOnlyList<(Kind Kind, int Page, int Length)> operations, Action<World> plant)
    {
        using World world = new();
        foreach ((Kind kind, int page, int length) in operations)
        {
            switch (kind)
            {
                case Kind.Insert:
                    world.Insert(page, length);
                    break;
                case Kind.Remove:
                    world.Remove(page);
                    break;
                default:
                    world.Resize(page, length);
                    break;
            }

            plant(world);
            world.Compare();
        }

        Assert.True(world.Tree.Verify(), string.Join("; ", world.Arena.Log.Items));
    }

    private sealed class World : IDisposable
    {
        private readonly SortedList<int, (int Length, VmAreaRef Area)> model = [];

        public World(ulong lengthBytes = 8UL << 20)
        {
            Arena = new ArenaFixture(lengthBytes);
            HeadAddress = Arena.TakePage();
            Tree = new VmAreaTree(Arena.Caches, HeadAddress);
        }

        public ArenaFixture Arena { get; }

        public PhysAddr HeadAddress { get; }

        public VmAreaTree Tree { get; }

        public void Insert(int page, int length)
        {
            if (!model.Any(pair => pair.Key < page + length && page < pair.Key + pair.Value.Length))
            {
                Assert.True(TryInsert(page, length));
            }
        }

        public bool TryInsert(int page, int length)
        {
            if (!Arena.Caches.Areas.TryAllocate(ArenaFixture.Cpu, GfpFlags.Kernel, out PhysAddr address))
            {
                return false;
            }

            VmAreaRef area = new(address.ToUInt64());
            Tree[area] = new VmArea { Start = At(page), End = At(page + length), Next = VmAreaRef.None, Previous = VmAreaRef.None };
            if (!Tree.TryInsert(ArenaFixture.Cpu, area))
            {
                return false;
            }

            model[page] = (length, area);
            return true;
        }

        public VmAreaRef AddTo(VmAreaTree tree, int page)
        {
            Assert.True(Arena.Caches.Areas.TryAllocate(ArenaFixture.Cpu, GfpFlags.Kernel, out PhysAddr address));
            VmAreaRef area = new(address.ToUInt64());
            tree[area] = new VmArea { Start = At(page), End = At(page + 1), Next = VmAreaRef.None, Previous = VmAreaRef.None };
            Assert.True(tree.TryInsert(ArenaFixture.Cpu, area));
            return area;
        }

        public void RemoveFrom(VmAreaTree tree, ref VmAreaRef area)
        {
            if (!area.IsNone)
            {
                Assert.True(tree.Remove(ArenaFixture.Cpu, area));
                Arena.Caches.Areas.Free(ArenaFixture.Cpu, area.Address);
                area = VmAreaRef.None;
            }
        }

        public void Remove(int page)
        {
            if (model.Keys.Where(key => key >= page).Cast<int?>().FirstOrDefault() is { } key)
            {
                Assert.True(Tree.Remove(ArenaFixture.Cpu, model[key].Area));
                Arena.Caches.Areas.Free(ArenaFixture.Cpu, model[key].Area.Address);
                model.Remove(key);
            }
        }

        public void Resize(int page, int length)
        {
            int index = model.Keys.Where(key => key < page).Count();
            if (index >= model.Count)
            {
                return;
            }

            (int oldLength, VmAreaRef area) = model.Values[index];
            int floor = index == 0 ? 0 : model.Keys[index - 1] + model.Values[index - 1].Length;
            int ceiling = index == model.Count - 1 ? PagesMax + 10 : model.Keys[index + 1];
            int start = Math.Max(floor, model.Keys[index] - length + 1);
            int end = Math.Min(ceiling, start + oldLength + length);
            model.RemoveAt(index);
            model[start] = (end - start, area);
            Assert.True(Tree.Resize(area, At(start), At(end)));
        }

        public void Plant(string bug)
        {
            ref VmAreaTreeHead head = ref Arena.Memory.GetRef<VmAreaTreeHead>(HeadAddress);
            if (model.Count < 12 || head.Height < 2)
            {
                return;
            }

            ref VmAreaNode root = ref Arena.Memory.GetRef<VmAreaNode>(new PhysAddr(head.Root));
            ref VmAreaNode leaf = ref Arena.Memory.GetRef<VmAreaNode>(new PhysAddr(root.Targets[1]));
            switch (bug)
            {
                case "end":
                    leaf.Extents[0] += PageBytes;
                    break;
                case "floor":
                    leaf.Floor += PageBytes;
                    break;
                case "gap":
                    root.Extents[1] += PageBytes;
                    break;
                default:
                    Tree[new VmAreaRef(leaf.Targets[0])].Next = new VmAreaRef(leaf.Targets[0]);
                    break;
            }
        }

        public void Scribble(ref ulong state, int count)
        {
            ref VmAreaTreeHead head = ref Arena.Memory.GetRef<VmAreaTreeHead>(HeadAddress);
            ref VmAreaNode root = ref Arena.Memory.GetRef<VmAreaNode>(new PhysAddr(head.Root));
            for (int i = 0; i < count; i++)
            {
                ulong random = NextRandom(ref state);
                ulong leaf = root.Targets[(int)(random % Math.Clamp((uint)root.Count, 1, 10))];
                PhysAddr node = (random & 0x100) == 0 || !Arena.Memory.Contains(new PhysAddr(leaf), 256) ? new PhysAddr(head.Root) : new PhysAddr(leaf);
                ulong value = (random & 0x200) == 0 ? NextRandom(ref state) : leaf;
                Arena.Memory.GetRef<ulong>(node + (((random >> 16) % 32) * 8)) = value;
                if (root.Count is 0 or > 10)
                {
                    root.Count = 1;
                }
            }
        }

        public void Compare()
        {
            Assert.Equal(model.Count, Tree.Count);
            int probe = model.Count == 0 ? 7 : model.Keys[model.Count / 2];
            foreach (int page in new[] { Math.Max(0, probe - 1), probe, probe + 1, probe + 2, PagesMax / 3 })
            {
                VmAreaRef expected = model.Where(pair => pair.Key <= page && page < pair.Key + pair.Value.Length)
                    .Select(pair => pair.Value.Area).Append(VmAreaRef.None).First();
                Assert.Equal(expected, Tree.Find(At(page)));
                VmAreaRef from = model.Where(pair => page < pair.Key + pair.Value.Length)
                    .Select(pair => pair.Value.Area).Append(VmAreaRef.None).First();
                Assert.Equal(from, Tree.FindFrom(At(page)));
                CompareGaps(page, 1 + (page % 5));
            }
        }

        public void Dispose() => Arena.Dispose();

        private void CompareGaps(int page, int length)
        {
            int low = Math.Max(0, page - 100);
            int high = Math.Max(page, low);
            bool[] used = new bool[PagesMax + 20];
            foreach (KeyValuePair<int, (int Length, VmAreaRef Area)> pair in model)
            {
                Array.Fill(used, true, pair.Key, pair.Value.Length);
            }

            int down = -1;
            for (int start = high - length; start >= low && down < 0; start--)
            {
                down = used.AsSpan(start, length).Contains(true) ? -1 : start;
            }

            int up = -1;
            for (int start = low; start + length <= high && up < 0; start++)
            {
                up = used.AsSpan(start, length).Contains(true) ? -1 : start;
            }

            bool isFound = Tree.TryFindGapTopDown((ulong)length * PageBytes, At(low), At(high), out VmAreaGap gap);
            Assert.Equal(down >= 0, isFound);
            Assert.True(!isFound || gap.End - At(down) == (ulong)length * PageBytes);
            isFound = Tree.TryFindGapBottomUp((ulong)length * PageBytes, At(low), At(high), out gap);
            Assert.Equal(up >= 0, isFound);
            Assert.True(!isFound || gap.Start == At(up));
        }

        private static ulong NextRandom(ref ulong state)
        {
            state = unchecked(state + 0x9E3779B97F4A7C15);
            ulong z = state;
            z = unchecked((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9);
            z = unchecked((z ^ (z >> 27)) * 0x94D049BB133111EB);
            return z ^ (z >> 31);
        }
    }
}
