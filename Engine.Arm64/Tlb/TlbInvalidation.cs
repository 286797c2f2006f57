namespace Engine.Arm64.Tlb;

/// <summary>Which entries a TLB invalidation takes out.</summary>
internal readonly record struct TlbInvalidation
{
    /// <summary>The first address.</summary>
    public ulong First { get; init; }

    /// <summary>The last address; entries whose mapping lies wholly outside stay.</summary>
    public ulong Last { get; init; }

    /// <summary>The address space; global entries match any. Ignored with <see cref="AnyAsid"/>.</summary>
    public ushort Asid { get; init; }

    /// <summary>Whether entries of every address space match.</summary>
    public bool AnyAsid { get; init; }

    /// <summary>Whether global entries stay, as by ASIDE1.</summary>
    public bool KeepsGlobal { get; init; }

    /// <summary>The virtual machine. Ignored with <see cref="AnyVmid"/>.</summary>
    public ushort Vmid { get; init; }

    /// <summary>Whether entries of every virtual machine match.</summary>
    public bool AnyVmid { get; init; }

    /// <summary>Bit n: an entry whose leaf is at level n matches. All bits where no hint is given.</summary>
    public uint Levels { get; init; }

    /// <summary>Only entries of this granule match (12, 14 or 16); 0 for any.</summary>
    public int GranuleLog2 { get; init; }

    /// <summary>All levels.</summary>
    public const uint EveryLevel = ~0u;

    /// <summary>Whether all addresses match.</summary>
    public bool IsEveryAddress => First == 0 && Last == ulong.MaxValue;

    /// <summary>Whether a used entry matches.</summary>
    public bool Matches(in TlbEntry entry)
    {
        ulong mappingMask = ulong.MaxValue << entry.MappingSizeLog2;
        ulong first = entry.Start & mappingMask;
        return (AnyVmid || entry.Vmid == Vmid)
            && (entry.IsGlobal ? !KeepsGlobal : AnyAsid || entry.Asid == Asid)
            && first <= Last && (first | ~mappingMask) >= First
            && (Levels == EveryLevel || (entry.Level >= 0 && ((Levels >> entry.Level) & 1) != 0))
            && (GranuleLog2 == 0 || TlbEntry.GranuleLog2(entry.PageSizeLog2) == GranuleLog2);
    }
}
