using System.Runtime.InteropServices;

namespace Engine.Core.Reclaim;

/// <summary>
/// Folios that a CPU has yet to move between lists: <c>cpu_fbatches.lru_activate</c> of mm/swap.c and <c>mlock_fbatch</c> of mm/mlock.c; in the arena.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = SizeBytes)]
internal unsafe struct LruPending
{
    public const int SizeBytes = 384;

    /// <summary>Entries in a batch, as in every other.</summary>
    public const int EntryMax = LruBatch.FrameMax;

    /// <summary>Bits of an entry of <see cref="Locks"/> that say what to do; the frame number lies above them.</summary>
    public const int KindShift = 2;

    public uint ActivateCount;
    public uint LockCount;
    public fixed ulong Locks[EntryMax];
    public fixed uint Activates[EntryMax];
}
