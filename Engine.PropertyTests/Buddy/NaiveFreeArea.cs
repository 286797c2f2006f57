namespace Engine.PropertyTests.Buddy;

/// <summary>Free frames as a flag each; a block is found by trying every order and every place.</summary>
internal sealed class NaiveFreeArea
{
    private readonly uint firstPfn;
    private readonly bool[] isFree;
    private readonly int[] types;

    public NaiveFreeArea(uint firstPfn, int pageBlocks)
    {
        this.firstPfn = firstPfn;
        isFree = new bool[pageBlocks * 512];
        types = new int[pageBlocks];
        Array.Fill(types, 1);
    }

    public int FreeCount => isFree.Count(free => free);

    public void Put(uint pfn, uint count) => Array.Fill(isFree, true, (int)(pfn - firstPfn), (int)count);

    public void Retype(int block, int type) => types[block] = type;

    public void Types(Func<int, int> typeOf)
    {
        for (int i = 0; i < types.Length; i++)
        {
            types[i] = typeOf(i);
        }
    }

    /// <summary>The lowest block of the smallest sufficient size, or null. A faulty model takes the highest.</summary>
    public uint? Take(int type, int order, bool isFaulty)
    {
        for (int size = order; size <= 10; size++)
        {
            List<int> found = [.. Enumerable.Range(0, isFree.Length >> size).Select(i => i << size).Where(start => IsExactBlock(start, size, type))];
            if (found.Count != 0)
            {
                int start = isFaulty ? found[^1] : found[0];
                Array.Fill(isFree, false, start, 1 << order);
                return firstPfn + (uint)start;
            }
        }

        return null;
    }

    // Free, of the type, and not half of a larger free block. Two pageblocks are one block when they have the same type.
    private bool IsExactBlock(int start, int order, int type)
    {
        int parent = start & ~((2 << order) - 1);
        return IsBlock(start, order, type) && (order == 10 || !IsBlock(parent, order + 1, type));
    }

    private bool IsBlock(int start, int order, int type)
    {
        if (start + (1 << order) > isFree.Length || types[start >> 9] != type || (order == 10 && types[(start >> 9) + 1] != type))
        {
            return false;
        }

        return Array.TrueForAll(isFree[start..(start + (1 << order))], free => free);
    }
}
