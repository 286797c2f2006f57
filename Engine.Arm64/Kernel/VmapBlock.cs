using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Engine.Arm64.Kernel;

/// <summary>
/// A range of addresses from which one CPU maps short runs of pages without going to the tree (<c>struct vmap_block</c>, mm/vmalloc.c), in the
/// arena. Addresses are used from the lowest to the highest, once: what is unmapped stays aside (dirty) until the whole block is purged.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = SizeBytes)]
internal struct VmapBlock
{
    /// <summary>Bytes of the structure.</summary>
    public const int SizeBytes = 40 + (Words * sizeof(ulong));

    /// <summary>Pages in a block (<c>VMAP_BBMAP_BITS</c>, at its upper bound, as on every 64-bit machine of up to 2,048 CPUs).</summary>
    public const uint Pages = 1024;

    private const int Words = (int)Pages / 64;

    /// <summary>The block's first address.</summary>
    [FieldOffset(0)]
    public ulong Address;

    /// <summary>The next block on the CPU's list of blocks with unused pages; 0 at the end.</summary>
    [FieldOffset(8)]
    public ulong Next;

    /// <summary>Pages at the end that were never used (<c>free</c>).</summary>
    [FieldOffset(16)]
    public uint Free;

    /// <summary>Pages that were used and unmapped (<c>dirty</c>).</summary>
    [FieldOffset(20)]
    public uint Dirty;

    /// <summary>First page that was unmapped since the last flush (<c>dirty_min</c>); <see cref="Pages"/> where none was.</summary>
    [FieldOffset(24)]
    public uint DirtyFirst;

    /// <summary>First page behind those that were unmapped since the last flush (<c>dirty_max</c>).</summary>
    [FieldOffset(28)]
    public uint DirtyEnd;

    /// <summary>Whose list the block is on.</summary>
    [FieldOffset(32)]
    public uint Cpu;

    [FieldOffset(40)]
    private UsedMap used;

    /// <summary>Pages in use.</summary>
    public readonly uint UsedPages
    {
        get
        {
            uint count = 0;
            foreach (ulong word in used)
            {
                count += (uint)BitOperations.PopCount(word);
            }

            return count;
        }
    }

    /// <summary>Whether all pages of a run are in use.</summary>
    public readonly bool IsUsed(uint first, uint count)
    {
        for (uint i = first; i < first + count; i++)
        {
            if ((used[(int)(i / 64)] & (1UL << (int)(i % 64))) == 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Marks a run as in use or not.</summary>
    public void SetUsed(uint first, uint count, bool isUsed)
    {
        for (uint i = first; i < first + count; i++)
        {
            ulong bit = 1UL << (int)(i % 64);
            used[(int)(i / 64)] = isUsed ? used[(int)(i / 64)] | bit : used[(int)(i / 64)] & ~bit;
        }
    }

    [InlineArray(Words)]
    private struct UsedMap
    {
        private ulong first;
    }
}
