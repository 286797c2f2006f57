namespace Engine.Arm64.Kernel.Map;

/// <summary>How the kernel's map is built, and how large its image is. Sizes are rounded up to 64 KiB.</summary>
public sealed record KernelMapOptions
{
    /// <summary>How far read-only data is protected.</summary>
    public RodataMode Rodata { get; init; } = RodataMode.Full;

    /// <summary>Bytes of code (<c>_stext</c> to <c>_etext</c>).</summary>
    public ulong TextBytes { get; init; } = 8UL << 20;

    /// <summary>Bytes of read-only data (<c>__start_rodata</c> to <c>__inittext_begin</c>).</summary>
    public ulong RodataBytes { get; init; } = 3UL << 20;

    /// <summary>Bytes of code that only boot needs (<c>__inittext_begin</c> to <c>__inittext_end</c>).</summary>
    public ulong InitTextBytes { get; init; } = 512UL << 10;

    /// <summary>Bytes of data that only boot needs (<c>__initdata_begin</c> to <c>__initdata_end</c>).</summary>
    public ulong InitDataBytes { get; init; } = 512UL << 10;

    /// <summary>Bytes of initialised data (<c>_data</c> to <c>__bss_start</c>).</summary>
    public ulong DataBytes { get; init; } = 1280UL << 10;

    /// <summary>Bytes of zeroed data and of boot's own page tables (<c>__bss_start</c> to <c>_end</c>).</summary>
    public ulong BssBytes { get; init; } = 512UL << 10;

    /// <summary>Bytes of the device tree, which the fixmap shows; at most 2 MiB.</summary>
    public ulong DeviceTreeBytes { get; init; } = 64UL << 10;
}
