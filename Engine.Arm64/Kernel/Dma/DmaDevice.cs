using Engine.Arm64.Kernel.Smmu;
using Engine.Core.Arena;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel.Dma;

/// <summary>A bus-master device: it reads and writes memory by itself, by addresses of its own.</summary>
public sealed class DmaDevice
{
    private readonly PhysicalMemory memory;
    private readonly SmmuV3? smmu;

    internal DmaDevice(PhysicalMemory memory, SmmuV3? smmu, string name, uint stream, int addressBits, DmaProtection protection, SmmuDomain? domain)
    {
        (this.memory, this.smmu, Domain) = (memory, smmu, domain);
        Name = name;
        Stream = stream;
        AddressBits = addressBits;
        Protection = protection;
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Its stream at the SMMU.</summary>
    public uint Stream { get; }

    /// <summary>Bits of an address that it can drive (<c>dma_mask</c>).</summary>
    public int AddressBits { get; }

    /// <summary>What keeps it from memory that was not given to it.</summary>
    public DmaProtection Protection { get; }

    /// <summary>Bytes of its translation tables.</summary>
    public ulong TableBytes => Domain?.TableBytes ?? 0;

    internal SmmuDomain? Domain { get; }

    // What dma-debug knows of it.
    internal Dictionary<ulong, DmaMapping> Mappings { get; } = [];

    /// <summary>The device reads memory. No permission of any process is asked.</summary>
    /// <param name="address">A bus address.</param>
    /// <param name="bytes">Where to.</param>
    /// <returns>Bytes read before an access was refused, or met no memory.</returns>
    public int Read(DmaAddr address, Span<byte> bytes)
    {
        int done = 0;
        while (done < bytes.Length && TryOpen(address + (ulong)done, bytes.Length - done, isWrite: false, out Span<byte> part))
        {
            part.CopyTo(bytes[done..]);
            done += part.Length;
        }

        return done;
    }

    /// <summary>The device writes memory. No permission of any process is asked.</summary>
    /// <param name="address">A bus address.</param>
    /// <param name="bytes">What to write.</param>
    /// <returns>Bytes written before an access was refused, or met no memory.</returns>
    public int Write(DmaAddr address, ReadOnlySpan<byte> bytes)
    {
        int done = 0;
        while (done < bytes.Length && TryOpen(address + (ulong)done, bytes.Length - done, isWrite: true, out Span<byte> part))
        {
            bytes.Slice(done, part.Length).CopyTo(part);
            done += part.Length;
        }

        return done;
    }

    // One transaction never crosses a page.
    private bool TryOpen(DmaAddr address, int most, bool isWrite, out Span<byte> part)
    {
        int count = Math.Min(most, Pfn.PageSizeBytes - (int)(address.Value & (Pfn.PageSizeBytes - 1)));
        PhysAddr physical = new(address.Value);
        bool isReached = AddressBits == 64 || address.Value >> AddressBits == 0;
        isReached = isReached && (smmu is null || smmu.TryTranslate(Stream, address.Value, isWrite, out physical));
        bool isMemory = isReached && memory.Contains(physical, (ulong)count);
        part = isMemory ? memory.GetSpan(physical, count) : default;
        return isMemory;
    }
}
