using System.Runtime.CompilerServices;
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

    /// <summary>Carves the table out of memory. It is not touched: zeroed memory is a valid table.</summary>
    /// <param name="memory">The memory that it describes and lies in.</param>
    /// <param name="layout">The boot plan that gets the region.</param>
    public FrameTable(PhysicalMemory memory, MemoryLayout layout)
    {
        this.memory = memory;
        firstPfn = memory.Start.Pfn.Value;
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
    public bool IsValid(Pfn pfn) => unchecked(pfn.Value - firstPfn) < frameCount && memory.Contains(pfn.Address, Pfn.PageSizeBytes);

    [System.Diagnostics.CodeAnalysis.DoesNotReturn]
    private static void ThrowOutside(Pfn pfn) => throw new ArgumentOutOfRangeException(nameof(pfn), pfn, "the frame has no descriptor");
}
