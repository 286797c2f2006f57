namespace Engine.Arm64.Kernel.Map;

/// <summary>The slots of the fixmap, a page each, counted downwards from its top (<c>enum fixed_addresses</c>, built with UNMAP_KERNEL_AT_EL0, without GHES).</summary>
public enum FixmapSlot
{
    /// <summary>Never mapped (<c>FIX_HOLE</c>).</summary>
    Hole = 0,

    /// <summary>The device tree's last page (<c>FIX_FDT_END</c>).</summary>
    DeviceTreeEnd = 1,

    /// <summary>The device tree's first page: room for 2 MiB and a page (<c>FIX_FDT</c>).</summary>
    DeviceTree = DeviceTreeEnd + 513,

    /// <summary>An early console's registers (<c>FIX_EARLYCON_MEM_BASE</c>).</summary>
    EarlyConsole,

    /// <summary>Where read-only text is written through (<c>FIX_TEXT_POKE0</c>).</summary>
    TextPoke,

    /// <summary>The first of four pages of the entry trampoline (<c>FIX_ENTRY_TRAMP_TEXT4</c>).</summary>
    EntryTrampoline,

    /// <summary>The last temporary slot of boot (<c>FIX_BTMAP_END</c>).</summary>
    BootMapEnd = EntryTrampoline + 4,

    /// <summary>The first temporary slot of boot (<c>FIX_BTMAP_BEGIN</c>): seven of 256 KiB.</summary>
    BootMap = BootMapEnd + (7 * 64) - 1,

    /// <summary>A last-level table while it is made (<c>FIX_PTE</c>); then a level more each, up to the root.</summary>
    PageTable,

    /// <summary>Slots (<c>__end_of_fixed_addresses</c>).</summary>
    Count = PageTable + 5,
}
