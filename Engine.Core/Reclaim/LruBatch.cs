using System.Runtime.InteropServices;

namespace Engine.Core.Reclaim;

/// <summary>Frames that a CPU has yet to put on their lists (<c>struct folio_batch</c>, <c>cpu_fbatches.lru_add</c>); in the arena.</summary>
[StructLayout(LayoutKind.Sequential, Size = SizeBytes)]
internal unsafe struct LruBatch
{
    public const int SizeBytes = 128;

    /// <summary>Frames in a batch (<c>PAGEVEC_SIZE</c>).</summary>
    public const int FrameMax = 31;

    public uint Count;
    public fixed uint Frames[FrameMax];
}
