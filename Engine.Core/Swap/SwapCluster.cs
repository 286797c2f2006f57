using System.Runtime.InteropServices;

namespace Engine.Core.Swap;

/// <summary>What an area keeps of 512 slots that are handed out together (<c>struct swap_cluster_info</c>); in the arena. Links are cluster numbers plus one.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SwapCluster
{
    public const int SizeBytes = 16;

    /// <summary>log2 of the slots in a cluster (<c>SWAPFILE_CLUSTER</c>, 512 with THP_SWAP).</summary>
    public const int SlotShift = 9;

    public const uint SlotCount = 1 << SlotShift;

    /// <summary>Slots in use, bad ones among them.</summary>
    public uint Used;

    /// <summary>Next cluster of the same list, plus one.</summary>
    public uint Next;

    /// <summary>Previous cluster of the same list, plus one.</summary>
    public uint Previous;

    /// <summary>Which list it is on: <see cref="SwapClusterList"/>, the lists of larger orders behind that of order 0.</summary>
    public ushort List;

    /// <summary>The order of the folios that it serves, which the first of them decides.</summary>
    public ushort Order;
}
