using Engine.Arm64.Translation;

namespace Engine.Arm64.Kernel.Map;

/// <summary>Protections of kernel mappings beyond <see cref="PageAttributes.Kernel"/> (arch/arm64/include/asm/pgtable-prot.h, io.h).</summary>
internal static class KernelAttributes
{
    private const int NormalNonCacheable = 2;
    private const int DeviceNGnRE = 4;

    /// <summary>Device registers: <c>PROT_DEVICE_nGnRE</c>.</summary>
    public static readonly PageAttributes Device = WithIndex(DeviceNGnRE);

    /// <summary>Memory that a device without cache coherence shares: <c>PROT_NORMAL_NC</c>.</summary>
    public static readonly PageAttributes NonCacheable = WithIndex(NormalNonCacheable);

    /// <summary>Writable and executable, as text is with <c>rodata=off</c>: <c>PAGE_KERNEL_EXEC</c>.</summary>
    public static readonly PageAttributes ReadWriteExecute = new(PageAttributes.Kernel.Value & ~Descriptor.PxnBit);

    private static PageAttributes WithIndex(int index) =>
        new((PageAttributes.Kernel.Value & ~Descriptor.AttributeIndexMask) | ((ulong)index << Descriptor.AttributeIndexShift));
}
