// The kernel image: one piece of memory at the start of RAM, one piece of addresses at KIMAGE_VADDR, segment after segment
// (arch/arm64/kernel/vmlinux.lds.S):
//
//   _text    header, 64 KiB, not mapped        | head
//   _stext   code                              | text
//            read-only data                    | rodata
//   __init_begin  code and data of boot alone  | init: freed when boot is over
//   _data    initialised data, then zeroed     | data
//   _end

using Engine.Core.Arena;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel.Map;

/// <summary>Where the kernel image lies.</summary>
public sealed class KernelImage
{
    private readonly MemoryLayout layout;
    private MemoryRegion initRegion;

    private KernelImage(MemoryLayout layout, PhysAddr start, KernelMapOptions options)
    {
        this.layout = layout;
        Physical = start;
        ulong at = KernelLayout.SegmentBytes;
        Text = Next("text", options.TextBytes, ref at);
        Rodata = Next("rodata", options.RodataBytes, ref at);
        InitText = Next("inittext", options.InitTextBytes, ref at);
        InitData = Next("initdata", options.InitDataBytes, ref at);
        Data = Next("data", options.DataBytes + options.BssBytes, ref at);
        layout.ReserveAt("kernel text and rodata", start, Rodata.Physical + Rodata.LengthBytes - start);
        initRegion = new MemoryRegion("kernel init", InitText.Physical, InitText.LengthBytes + InitData.LengthBytes);
        layout.ReserveAt(initRegion.Name, initRegion.Start, initRegion.LengthBytes);
        layout.ReserveAt("kernel data and bss", Data.Physical, Data.LengthBytes);
        DeviceTree = layout.Reserve("device tree", options.DeviceTreeBytes);
    }

    /// <summary>The first byte in memory (<c>_text</c>).</summary>
    public PhysAddr Physical { get; }

    /// <summary>Code.</summary>
    public KernelSegment Text { get; }

    /// <summary>Read-only data.</summary>
    public KernelSegment Rodata { get; }

    /// <summary>Code of boot alone.</summary>
    public KernelSegment InitText { get; }

    /// <summary>Data of boot alone.</summary>
    public KernelSegment InitData { get; }

    /// <summary>Data, and zeroed data behind it.</summary>
    public KernelSegment Data { get; }

    /// <summary>All segments, ascending.</summary>
    public IReadOnlyList<KernelSegment> Segments => [Text, Rodata, InitText, InitData, Data];

    /// <summary>Where boot found the device tree.</summary>
    public MemoryRegion DeviceTree { get; }

    /// <summary>Whether boot's own part is still there.</summary>
    public bool HasInit => initRegion.LengthBytes != 0;

    /// <summary>What lies from the first byte of code to the first of boot's own part: what is read-only in the linear map too.</summary>
    internal (PhysAddr Start, PhysAddr End) ReadOnlyPart => (Text.Physical, InitText.Physical);

    /// <summary>Whether a region of the boot plan is a part of the image, or the device tree.</summary>
    internal bool Holds(in MemoryRegion region) => region == DeviceTree || (region.Start >= Physical && region.End <= Data.Physical + Data.LengthBytes);

    /// <summary>Reserves the image at the start of memory, before the page allocator takes the rest.</summary>
    /// <exception cref="ArgumentException">The first bank has no room for it, or a size is out of range.</exception>
    internal static KernelImage Reserve(PhysicalMemory memory, MemoryLayout layout, KernelMapOptions options)
    {
        ulong[] sizes = [options.TextBytes, options.RodataBytes, options.InitTextBytes, options.InitDataBytes, options.DataBytes, options.BssBytes];
        if (sizes.Any(size => size is 0 or > 1UL << 30) || options.DeviceTreeBytes is 0 or > 2UL << 20)
        {
            throw new ArgumentException("a part of the kernel image has no size, or is larger than 1 GiB (the device tree: 2 MiB)", nameof(options));
        }

        return new KernelImage(layout, memory.Start, options);
    }

    /// <summary>Ends the reservation of boot's own part.</summary>
    internal void ReleaseInit()
    {
        layout.Release(initRegion);
        initRegion = default;
    }

    private KernelSegment Next(string name, ulong lengthBytes, ref ulong at)
    {
        ulong length = (lengthBytes + KernelLayout.SegmentBytes - 1) & ~(KernelLayout.SegmentBytes - 1);
        KernelSegment segment = new(name, KernelLayout.KernelImageStart + at, Physical + at, length);
        at += length;
        return segment;
    }
}
