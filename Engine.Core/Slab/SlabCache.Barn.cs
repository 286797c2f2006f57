using System.Runtime.CompilerServices;
using Engine.Core.Units;

namespace Engine.Core.Slab;

/// <content>The barn: chunks of half an object stack that CPUs leave for each other, copied under the node lock.</content>
public sealed unsafe partial class SlabCache
{
    private const int BarnChunksLimit = 24;

    // Half of what the CPU's structure and stack take together, so that chunks fill a frame.
    private int ChunkStrideBytes => (SlabCpu.SizeBytes + ((int)capacity * sizeof(ulong))) / 2;

    private int ChunksPerPage => Pfn.PageSizeBytes / ChunkStrideBytes;

    private int BarnChunksMax => Math.Min(SlabNode.BarnPagesMax * ChunksPerPage, BarnChunksLimit);

    private bool TryTakeChunk(SlabCpu* area)
    {
        uint half = capacity / 2;
        using (nodeGate.Enter())
        {
            if (unchecked(node->BarnChunks - 1) >= (uint)BarnChunksMax)
            {
                if (node->BarnChunks != 0)
                {
                    Report("barn's count", AddressOf(node), (ulong)BarnChunksMax, node->BarnChunks);
                    node->BarnChunks = 0;
                }

                return false;
            }

            node->BarnChunks--;
            if (!TryGetChunk((int)node->BarnChunks, out ulong* chunk))
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
        using (nodeGate.Enter())
        {
            if (node->BarnChunks >= (uint)BarnChunksMax)
            {
                return false;
            }

            int index = (int)node->BarnChunks;

            ref uint page = ref node->BarnPages[index / ChunksPerPage];
            if (page == Pfn.None.Value && !system.TryAllocateBookkeepingFrame(cpu, number, out page))
            {
                return false;
            }

            if (!TryGetChunk(index, out ulong* chunk))
            {
                return false;
            }

            Unsafe.CopyBlock(chunk, area + 1, capacity / 2 * sizeof(ulong));
            node->BarnChunks++;
            return true;
        }
    }

    private bool TryGetChunk(int index, out ulong* chunk)
    {
        ulong page = (ulong)node->BarnPages[index / ChunksPerPage] << Pfn.PageShift;
        if (arena.TagOf(page) != SlabTag.OfBookkeeping(number) || !IsRam(page, Pfn.PageSizeBytes))
        {
            Report("barn's frame", AddressOf(node), 0, page >> Pfn.PageShift);
            chunk = null;
            return false;
        }

        // SAFETY: the frame is RAM, and the chunk lies in it.
        chunk = (ulong*)(arena.Memory.Bias + page + ((ulong)(index % ChunksPerPage * ChunkStrideBytes)));
        return true;
    }
}
