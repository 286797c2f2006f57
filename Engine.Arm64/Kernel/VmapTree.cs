// Ranges by address, with the longest range of each subtree, so that the lowest range that is long enough is found without
// looking at all. Linux keeps a red-black tree; this is a treap (each node's priority is a hash of its own address in memory, the highest is
// the root), which has the same order and the same answers. Nodes lie in the arena: each link is checked to be an object
// of the areas' cache before it is followed, and no path is followed for longer than a sound tree can have.

using Engine.Core.Diagnostics;
using Engine.Core.Slab;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel;

/// <summary>A tree of <see cref="VmapArea"/>.</summary>
internal sealed partial class VmapTree
{
    // A treap of n nodes is about 3 log2(n) deep; this is far beyond any that fits in memory.
    private const int DepthMax = 200;

    private readonly SlabSystem slabs;
    private readonly SlabCache cache;
    private readonly PhysAddr rootPlace;

    /// <summary>Wraps a tree.</summary>
    /// <param name="slabs">The machine's caches.</param>
    /// <param name="cache">The cache of the areas.</param>
    /// <param name="rootPlace">Where the root's address lies.</param>
    public VmapTree(SlabSystem slabs, SlabCache cache, PhysAddr rootPlace)
    {
        this.slabs = slabs;
        this.cache = cache;
        this.rootPlace = rootPlace;
    }

    private ref ulong Root => ref slabs.Pages.Memory.GetRef<ulong>(rootPlace);

    /// <summary>The area at an address of the arena.</summary>
    public ref VmapArea At(ulong area) => ref slabs.Pages.Memory.GetRef<VmapArea>(new PhysAddr(area));

    /// <summary>Whether an address is that of an area.</summary>
    public bool IsArea(ulong area) =>
        area != 0 && slabs.TryFindCache(new PhysAddr(area), out SlabCache? owner) && ReferenceEquals(owner, cache.Root)
        && slabs.Pages.Memory.Contains(new PhysAddr(area), VmapArea.SizeBytes);

    /// <summary>Adds an area; it must not overlap another.</summary>
    public void Insert(ulong area)
    {
        ref VmapArea added = ref At(area);
        added.Left = added.Right = 0;
        added.LongestBytes = unchecked(added.End - added.Start);
        Root = Insert(Root, area, 0);
    }

    /// <summary>Takes an area out.</summary>
    public void Remove(ulong area) => Root = Remove(Root, area, At(area).Start, 0);

    /// <summary>The area that holds an address; 0 where none does.</summary>
    public ulong Find(ulong address)
    {
        ulong next = Root;
        for (int depth = 0; depth < DepthMax && Check(next); depth++)
        {
            ref VmapArea area = ref At(next);
            if (address >= area.Start && address < area.End)
            {
                return next;
            }

            next = address < area.Start ? area.Left : area.Right;
        }

        return 0;
    }

    /// <summary>The lowest area with room for an aligned range; 0 where there is none (<c>find_vmap_lowest_match</c>).</summary>
    /// <param name="lengthBytes">Bytes.</param>
    /// <param name="alignment">A power of two.</param>
    /// <param name="lowest">The range may not begin below this address.</param>
    public ulong FindLowest(ulong lengthBytes, ulong alignment, ulong lowest = 0) => FindLowest(Root, lengthBytes, alignment, lowest, 0);

    /// <summary>The last area that ends at an address or before; 0 where there is none.</summary>
    public ulong FindBefore(ulong address)
    {
        ulong found = 0;
        ulong next = Root;
        for (int depth = 0; depth < DepthMax && Check(next); depth++)
        {
            ref VmapArea area = ref At(next);
            bool isBefore = area.End <= address;
            found = isBefore ? next : found;
            next = isBefore ? area.Right : area.Left;
        }

        return found;
    }

    /// <summary>All areas, ascending by address.</summary>
    public List<ulong> List()
    {
        List<ulong> found = [];
        Collect(Root, found, 0);
        return found;
    }

    /// <summary>Recomputes what each node says of its subtree.</summary>
    /// <returns>How many nodes are wrong.</returns>
    public int Verify() => List().Count(area => At(area).LongestBytes != ComputeLongest(area));

    /// <summary>Where an aligned range would begin in an area, not below an address; 0 where it does not fit.</summary>
    public static ulong Fit(in VmapArea area, ulong lengthBytes, ulong alignment, ulong lowest = 0)
    {
        ulong start = unchecked(Math.Max(area.Start, lowest) + alignment - 1) & ~(alignment - 1);
        return start >= area.Start && start <= area.End && lengthBytes <= area.End - start ? start : 0;
    }

    private ulong FindLowest(ulong area, ulong lengthBytes, ulong alignment, ulong lowest, int depth)
    {
        if (depth >= DepthMax || !Check(area) || At(area).LongestBytes < lengthBytes)
        {
            return 0;
        }

        ulong found = At(area).Start > lowest ? FindLowest(At(area).Left, lengthBytes, alignment, lowest, depth + 1) : 0;
        return found != 0 ? found
            : Fit(At(area), lengthBytes, alignment, lowest) != 0 ? area
            : FindLowest(At(area).Right, lengthBytes, alignment, lowest, depth + 1);
    }

    private ulong Insert(ulong root, ulong area, int depth)
    {
        if (depth >= DepthMax || !Check(root))
        {
            return area;
        }

        ref VmapArea node = ref At(root);
        if (At(area).Start < node.Start)
        {
            ulong child = Insert(node.Left, area, depth + 1);
            node.Left = child;
            root = Priority(child) > Priority(root) ? RotateRight(root) : root;
        }
        else
        {
            ulong child = Insert(node.Right, area, depth + 1);
            node.Right = child;
            root = Priority(child) > Priority(root) ? RotateLeft(root) : root;
        }

        Update(root);
        return root;
    }

    private ulong Remove(ulong root, ulong area, ulong start, int depth)
    {
        if (depth >= DepthMax || !Check(root))
        {
            return 0;
        }

        ref VmapArea node = ref At(root);
        if (root == area)
        {
            return Join(node.Left, node.Right, depth);
        }

        if (start < node.Start)
        {
            node.Left = Remove(node.Left, area, start, depth + 1);
        }
        else
        {
            node.Right = Remove(node.Right, area, start, depth + 1);
        }

        Update(root);
        return root;
    }

    private ulong Join(ulong left, ulong right, int depth)
    {
        bool hasLeft = Check(left);
        bool hasRight = Check(right);
        if (depth >= DepthMax || !hasLeft || !hasRight)
        {
            return hasLeft ? left : hasRight ? right : 0;
        }

        ulong root = Priority(left) > Priority(right) ? left : right;
        if (root == left)
        {
            At(left).Right = Join(At(left).Right, right, depth + 1);
        }
        else
        {
            At(right).Left = Join(left, At(right).Left, depth + 1);
        }

        Update(root);
        return root;
    }

    private ulong RotateRight(ulong root)
    {
        ulong child = At(root).Left;
        At(root).Left = At(child).Right;
        At(child).Right = root;
        Update(root);
        return child;
    }

    private ulong RotateLeft(ulong root)
    {
        ulong child = At(root).Right;
        At(root).Right = At(child).Left;
        At(child).Left = root;
        Update(root);
        return child;
    }

    private void Update(ulong area) => At(area).LongestBytes = ComputeLongest(area);

    private ulong ComputeLongest(ulong area)
    {
        ref VmapArea node = ref At(area);
        ulong longest = unchecked(node.End - node.Start);
        longest = IsArea(node.Left) ? Math.Max(longest, At(node.Left).LongestBytes) : longest;
        return IsArea(node.Right) ? Math.Max(longest, At(node.Right).LongestBytes) : longest;
    }

    private void Collect(ulong area, List<ulong> found, int depth)
    {
        if (depth < DepthMax && Check(area))
        {
            Collect(At(area).Left, found, depth + 1);
            found.Add(area);
            Collect(At(area).Right, found, depth + 1);
        }
    }

    // A link is none, or an area; anything else is reported and taken for none.
    private bool Check(ulong area)
    {
        if (area == 0 || IsArea(area))
        {
            return area != 0;
        }

        slabs.Pages.Log.Report(new Corruption(CorruptionCategory.KernelMap, "vmap_area link", rootPlace, 0, area));
        return false;
    }

    private static ulong Priority(ulong area)
    {
        unchecked
        {
            ulong mixed = (area ^ (area >> 30)) * 0xbf58476d1ce4e5b9;
            mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
            return mixed ^ (mixed >> 31);
        }
    }
}
