using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <summary>One entry of <c>/proc/PID/pagemap</c>, and whether the page is the zero page (what <c>/proc/kpageflags</c> would tell).</summary>
public readonly record struct PageMapEntry
{
    private const ulong PfnMask = (1UL << 55) - 1;
    private const ulong ExclusiveBit = 1UL << 56;
    private const ulong FileBit = 1UL << 61;
    private const ulong SwapBit = 1UL << 62;
    private const ulong PresentBit = 1UL << 63;

    private PageMapEntry(ulong value, bool isZeroPage)
    {
        Value = value;
        IsZeroPage = isZeroPage;
    }

    /// <summary>The entry as the kernel writes it (fs/proc/task_mmu.c).</summary>
    public ulong Value { get; }

    /// <summary>The frame of zeroes that untouched pages share.</summary>
    public bool IsZeroPage { get; }

    /// <summary>A frame is mapped.</summary>
    public bool IsPresent => (Value & PresentBit) != 0;

    /// <summary>The page is in swap space.</summary>
    public bool IsSwapped => (Value & SwapBit) != 0;

    /// <summary>The frame belongs to a file or to shared memory.</summary>
    public bool IsFile => (Value & FileBit) != 0;

    /// <summary>Nothing else maps the frame.</summary>
    public bool IsExclusive => (Value & ExclusiveBit) != 0;

    /// <summary>The frame; meaningless where none is mapped.</summary>
    public Pfn Pfn => new((uint)(Value & PfnMask));

    /// <summary>A mapped frame.</summary>
    internal static PageMapEntry ForFrame(Pfn pfn, bool isFile, bool isExclusive, bool isZeroPage) =>
        new(PresentBit | pfn.Value | (isFile ? FileBit : 0) | (isExclusive ? ExclusiveBit : 0), isZeroPage);

    /// <summary>A swapped page: type in bits 0-4, offset from bit 5.</summary>
    internal static PageMapEntry ForSwap(int type, ulong offset) => new(SwapBit | (uint)type | (offset << 5), false);
}
