using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Engine.Core.Arena;
using Engine.Core.Units;

namespace Engine.Core.Frames;

/// <summary>The descriptors of all frames from the first bank to the last, in the arena: Linux's <c>vmemmap</c>.</summary>
public sealed unsafe class FrameTable
{
    private readonly PhysicalMemory memory;
    private readonly Frame* frames;
    private readonly uint firstPfn;
    private readonly uint frameCount;
    private readonly bool hasHoles;

    /// <summary>Carves the table out of memory. It is not touched: zeroed memory is a valid table.</summary>
    /// <param name="memory">The memory that it describes and lies in.</param>
    /// <param name="layout">The boot plan that gets the region.</param>
    public FrameTable(PhysicalMemory memory, MemoryLayout layout)
    {
        this.memory = memory;
        firstPfn = memory.Start.Pfn.Value;
        hasHoles = memory.Banks.Length > 1;
        frameCount = checked((uint)((memory.End - memory.Start) >> Pfn.PageShift));
        Region = layout.Reserve("frame table", (ulong)frameCount * Frame.SizeBytes, 2UL << 20);
        frames = (Frame*)(memory.Bias + Region.Start.Value);
    }

    /// <summary>Where the table lies.</summary>
    public MemoryRegion Region { get; }

    /// <summary>The first frame that has a descriptor.</summary>
    public Pfn First => new(firstPfn);

    /// <summary>Frames with a descriptor, holes included.</summary>
    public uint Count => frameCount;

    /// <summary>The descriptor of a frame.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The frame lies outside the table.</exception>
    public ref Frame this[Pfn pfn]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            uint index = unchecked(pfn.Value - firstPfn);
            if (index >= frameCount)
            {
                ThrowOutside(pfn);
            }

            // SAFETY: index is below frameCount, and the region holds frameCount descriptors.
            return ref frames[index];
        }
    }

    /// <summary>Whether a frame has a descriptor and is RAM.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsValid(Pfn pfn) => unchecked(pfn.Value - firstPfn) < frameCount && (!hasHoles || memory.Contains(pfn.Address, Pfn.PageSizeBytes));

    /// <summary>Whether a frame has a descriptor; it may lie in a hole.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool IsInTable(Pfn pfn) => unchecked(pfn.Value - firstPfn) < frameCount;

    /// <summary>Begins to fetch the descriptor of a frame, if it has one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Prefetch(Pfn pfn)
    {
        uint index = unchecked(pfn.Value - firstPfn);
        if (index < frameCount)
        {
            Prefetch(frames + index);
        }
    }

    /// <summary>The descriptors, biased so that an absolute frame number indexes them. For who has checked the number against the table.</summary>
    internal Frame* Biased => frames - firstPfn;

    /// <summary>Makes a descriptor what a new owner expects: one reference, everything else zero.</summary>
    /// <param name="frame">The descriptor.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void ResetAllocated(Frame* frame)
    {
        // Plain stores of the whole line: a missing load would block, a missing store mostly does not.
        // SAFETY: the caller has the pointer from Biased and a checked number; a descriptor is two vectors of 32 bytes.
        Vector256.Store(Vector256<byte>.Zero, (byte*)frame);
        // The upper half has RefCount 1 (byte 52) and nothing else.
        Vector256.Store(Vector256.Create(0UL, 0, 1UL << 32, 0).AsByte(), (byte*)frame + 32);
    }

    /// <summary>Clears flags, map count and references of a freed frame; the rest stays for who looks for the last owner.</summary>
    /// <param name="frame">As in <see cref="ResetAllocated"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void ResetFree(Frame* frame)
    {
        // SAFETY: as in ResetAllocated.
        frame->Flags = 0;
        *(ulong*)&frame->MapCount = 0;
    }

    /// <summary>
    /// Begins to fetch a descriptor that will be written. Stores leave the processor one after the other, so that those of several frees
    /// in a row would wait for memory in turn; what is only fetched waits side by side.
    /// </summary>
    /// <param name="frame">As in <see cref="ResetAllocated"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Prefetch(Frame* frame)
    {
        if (Sse.IsSupported)
        {
            // SAFETY: a prefetch reads nothing and faults nowhere.
            Sse.Prefetch0(frame);
        }
    }

    [System.Diagnostics.CodeAnalysis.DoesNotReturn]
    private static void ThrowOutside(Pfn pfn) => throw new ArgumentOutOfRangeException(nameof(pfn), pfn, "the frame has no descriptor");
}
