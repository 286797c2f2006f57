// The one place where numbers and addresses that slab code read from the arena become pointers.

using System.Runtime.CompilerServices;
using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Core.Slab;

/// <summary>Checked access to frames and objects.</summary>
internal sealed unsafe class SlabArena
{
    /// <summary>Wraps an allocator's memory.</summary>
    public SlabArena(PageAllocator pages)
    {
        Pages = pages;
        Memory = pages.Memory;
        Start = Memory.Start.Value;
        SpanBytes = Memory.End - Memory.Start;
        FirstPfn = pages.Frames.First.Value;
        FrameCount = pages.Frames.Count;

        // SAFETY: the table is arena memory, which does not move, and First has a descriptor.
        FirstFrame = (Frame*)Unsafe.AsPointer(ref pages.Frames[pages.Frames.First]);
    }

    /// <summary>Where frames come from.</summary>
    public PageAllocator Pages { get; }

    /// <summary>The memory itself.</summary>
    public PhysicalMemory Memory { get; }

    /// <summary>First byte of RAM.</summary>
    public ulong Start { get; }

    /// <summary>Bytes from the first to the last byte of RAM, holes included.</summary>
    public ulong SpanBytes { get; }

    /// <summary>Number of the first frame.</summary>
    public uint FirstPfn { get; }

    /// <summary>Frames with a descriptor.</summary>
    public uint FrameCount { get; }

    /// <summary>The NUMA node of a frame.</summary>
    public int NodeOf(uint pfn)
    {
        foreach (MemoryBank bank in Memory.Banks)
        {
            if (new Pfn(pfn).Address < bank.End)
            {
                return bank.Node;
            }
        }

        return 0;
    }

    /// <summary>The first descriptor.</summary>
    public Frame* FirstFrame { get; }

    /// <summary>The owner's tag of the frame that holds an address; <see cref="SlabTag.None"/> outside the table.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public SlabTag TagOf(ulong address)
    {
        ulong offset = unchecked(address - Start);

        // SAFETY: the table has a descriptor for each frame of the span.
        return offset < SpanBytes ? new SlabTag(FirstFrame[offset >> Pfn.PageShift].Next) : SlabTag.None;
    }

    /// <summary>The slab that holds an address, whatever its cache.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryGetSlabOf(ulong address, out SlabPage slab)
    {
        SlabTag tag = TagOf(address);
        if (tag.IsSlab && tag.Order <= Order.MaxValue)
        {
            uint head = (uint)(address >> Pfn.PageShift) & ~((1u << tag.Order) - 1);
            return TryGetSlab(head, tag.Number, out slab);
        }

        slab = default;
        return false;
    }

    /// <summary>The slab of a cache whose head is a frame.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryGetSlab(uint head, int cacheNumber, out SlabPage slab)
    {
        uint index = unchecked(head - FirstPfn);
        if (index < FrameCount)
        {
            // SAFETY: index is below the table's length.
            Frame* frame = FirstFrame + index;
            SlabTag tag = new(frame->Next);
            if (tag.IsSlab && tag.Number == cacheNumber && tag.Order <= Order.MaxValue && (head & ((1u << tag.Order) - 1)) == 0
                && Memory.Contains(new PhysAddr((ulong)head << Pfn.PageShift), (ulong)Pfn.PageSizeBytes << tag.Order))
            {
                slab = new SlabPage(frame, head);
                return true;
            }
        }

        slab = default;
        return false;
    }

    /// <summary>Marks all frames of a block as owned.</summary>
    public void SetTags(uint head, int order, SlabTag tag, ulong headFlags)
    {
        for (uint i = 0; i < 1u << order; i++)
        {
            Pages.Frames[new Pfn(head + i)].Next = tag.Word;
        }

        Pages.Frames[new Pfn(head)].Flags |= headFlags;
    }

    /// <summary>Makes a block's descriptors fit to be freed; what the page allocator wrote into a compound page's tails stays.</summary>
    public void ClearTags(uint head, int order, ulong headFlags)
    {
        for (uint i = 0; i < 1u << order; i++)
        {
            Pages.Frames[new Pfn(head + i)].Next = 0;
        }

        ref Frame first = ref Pages.Frames[new Pfn(head)];
        first.Previous = 0;
        first.Index = 0;
        first.Private = 0;
        first.Flags &= ~headFlags;
    }

    /// <summary>The word at an address that a caller has checked to lie in a slab.</summary>
    public ref ulong WordAt(ulong address) => ref Memory.GetRef<ulong>(new PhysAddr(address));
}
