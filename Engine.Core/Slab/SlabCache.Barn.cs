using System.Numerics;
using System.Runtime.CompilerServices;
using Engine.Core.Units;

namespace Engine.Core.Slab;

/// <content>The barn: chunks of half an object stack that CPUs leave for each other, copied under the node lock.</content>
public sealed unsafe partial class SlabCache
{
    private const uint BarnChunksLimit = 24;

    // A chunk takes 1 << chunkShift bytes: half of what the CPU's structure and stack take together, so that chunks fill a frame.
    private readonly int chunkShift;
    private readonly uint chunksMax;

    private static (int Shift, uint ChunksMax) ComputeBarn(ulong capacity)
    {
        int shift = BitOperations.Log2(((ulong)SlabCpu.SizeBytes + (capacity * sizeof(ulong))) / 2);
        return (shift, Math.Min(SlabNode.BarnPagesMax * (uint)Pfn.PageSizeBytes >> shift, BarnChunksLimit));
    }

    private bool TryTakeChunk(SlabCpu* area, NodeGate home)
    {
        SlabNode* node = home.Node;
        uint half = (uint)capacity / 2;
        using (home.Enter())
        {
            if (unchecked(node->BarnChunks - 1) >= chunksMax)
            {
                if (node->BarnChunks != 0)
                {
                    Report("barn's count", AddressOf(node), chunksMax, node->BarnChunks);
                    node->BarnChunks = 0;
                }

                return false;
            }

            node->BarnChunks--;
            if (!TryGetChunk(node, node->BarnChunks, out ulong* chunk))
            {
                node->BarnChunks = 0;
                return false;
            }

            Unsafe.CopyBlock(area + 1, chunk, half * sizeof(ulong));
            area->Count = half;
            return true;
        }
    }

    private bool TryPutChunk(SlabCpu* area, CpuId cpu)
    {
        NodeGate home = LocalHome(cpu);
        SlabNode* node = home.Node;
        using (home.Enter())
        {
            if (node->BarnChunks >= chunksMax)
            {
                return false;
            }

            uint index = node->BarnChunks;
            ref uint page = ref node->BarnPages[index >> (Pfn.PageShift - chunkShift)];
            if (page == Pfn.None.Value && !system.TryAllocateBookkeepingFrame(cpu, number, out page))
            {
                return false;
            }

            if (!TryGetChunk(node, index, out ulong* chunk))
            {
                return false;
            }

            Unsafe.CopyBlock(chunk, area + 1, (uint)capacity / 2 * sizeof(ulong));
            node->BarnChunks++;
            return true;
        }
    }

    private bool TryGetChunk(SlabNode* node, uint index, out ulong* chunk)
    {
        ulong page = (ulong)node->BarnPages[index >> (Pfn.PageShift - chunkShift)] << Pfn.PageShift;
        if (arena.TagOf(page) != SlabTag.OfBookkeeping(number) || !IsRam(page, Pfn.PageSizeBytes))
        {
            Report("barn's frame", AddressOf(node), 0, page >> Pfn.PageShift);
            chunk = null;
            return false;
        }

        // SAFETY: the frame is RAM, and the chunk lies in it.
        chunk = (ulong*)(arena.Memory.Bias + page + (((ulong)index << chunkShift) & (Pfn.PageSizeBytes - 1)));
        return true;
    }
}
