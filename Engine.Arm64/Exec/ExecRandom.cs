using Engine.Core.Units;

namespace Engine.Arm64.Exec;

/// <summary>The random choices of one exec, in the kernel's order. Without randomisation each is 0.</summary>
internal sealed class ExecRandom
{
    // CONFIG_ARCH_MMAP_RND_BITS for 48-bit addresses and 4 KiB pages
    private const int MapBits = 18;
    private const ulong HeapRangeBytes = 1UL << 30;

    private ulong state;

    public ExecRandom(AddressRandomization kind, ulong seed)
    {
        Kind = kind;
        state = seed;
    }

    public AddressRandomization Kind { get; }

    public bool IsOn => Kind != AddressRandomization.Off;

    /// <summary>How far the stack may be moved down, in pages (<c>STACK_RND_MASK</c>).</summary>
    public static ulong StackPagesMask => 0x3ffff;

    /// <summary>arch_mmap_rnd</summary>
    public ulong NextMapBytes() => IsOn ? (Next() & ((1UL << MapBits) - 1)) << Pfn.PageShift : 0;

    /// <summary>randomize_stack_top</summary>
    public ulong NextStackBytes() => IsOn ? (Next() & StackPagesMask) << Pfn.PageShift : 0;

    /// <summary>arch_align_stack: somewhere in the page below, and 16-byte aligned.</summary>
    public ulong AlignStack(ulong stack) => (IsOn ? stack - (Next() % Pfn.PageSizeBytes) : stack) & ~15UL;

    /// <summary>arch_randomize_brk: a page in the GiB from the program's end.</summary>
    public ulong NextHeapBytes() => (Next() % (HeapRangeBytes >> Pfn.PageShift)) << Pfn.PageShift;

    /// <summary>The next 64 bits (SplitMix64); random bytes that the program gets are never constant.</summary>
    public ulong Next()
    {
        unchecked
        {
            state += 0x9E37_79B9_7F4A_7C15UL;
            ulong mixed = (state ^ (state >> 30)) * 0xBF58_476D_1CE4_E5B9UL;
            mixed = (mixed ^ (mixed >> 27)) * 0x94D0_49BB_1331_11EBUL;
            return mixed ^ (mixed >> 31);
        }
    }
}
