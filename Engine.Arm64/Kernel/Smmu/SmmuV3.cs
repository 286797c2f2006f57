// An SMMUv3 (Arm IHI 0070): it stands between bus-master devices and memory.
//
//   access of a stream -> stream table entry -> abort | bypass | stage 1 and/or stage 2 -> physical address
//
// Stream table, context descriptors, translation tables and event queue lie in memory, where the driver writes and the hardware
// reads them; a wrong byte there has the consequence that it has on hardware. Tables are walked by the same walker as a CPU's. The TLB
// is tagged by ASID and VMID. Entries and context descriptors are read anew for each access: there is no configuration cache, so that a
// forgotten CFGI command goes unnoticed. What is refused is recorded in the event queue; a full queue drops records.
//
// Driven by one thread, as the devices behind it.

using Engine.Arm64.Tlb;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Arena;
using Engine.Core.Slab;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel.Smmu;

/// <summary>The system MMU.</summary>
public sealed class SmmuV3
{
    /// <summary>What its walker implements: 48-bit addresses, no hardware update of flags.</summary>
    internal static readonly ArchitectureProfile Profile = new(TranslationFeatures.None, 48);

    private const byte FaultKindMask = 0x3c;

    private readonly PhysicalMemory memory;
    private readonly SlabSystem slabs;
    private readonly PhysAddr streamTable;
    private readonly PhysAddr eventQueue;
    private readonly uint streamCount;
    private readonly uint eventCount;
    private readonly TranslationUnit<RegisterWalker<ArenaMemory>, NoObserver> unit;
    private uint produced;
    private uint consumed;

    internal SmmuV3(SlabSystem slabs, SmmuOptions options)
    {
        if (options.StreamBits is < 0 or > 16 || options.EventQueueBits is < 0 or > 15)
        {
            throw new ArgumentException($"{options.StreamBits} stream bits, {options.EventQueueBits} event bits (expected up to 16 and 15)", nameof(options));
        }

        this.slabs = slabs;
        memory = slabs.Pages.Memory;
        Options = options;
        streamCount = 1u << options.StreamBits;
        eventCount = 1u << options.EventQueueBits;
        TableBytes = RoundUp(streamCount * StreamTableEntry.SizeBytes) + RoundUp(eventCount * SmmuEvent.SizeBytes);
        streamTable = Allocate(streamCount * StreamTableEntry.SizeBytes);
        eventQueue = Allocate(eventCount * SmmuEvent.SizeBytes);
        unit = new TranslationUnit<RegisterWalker<ArenaMemory>, NoObserver>(options.Tlb with { IpaCache = null }, new RegisterWalker<ArenaMemory>(new ArenaMemory(memory)));
        for (uint stream = 0; stream < streamCount && options.BypassesUnknownStreams; stream++)
        {
            this[stream] = StreamTableEntry.For(StreamConfig.Bypass);
        }
    }

    /// <summary>As given at boot.</summary>
    public SmmuOptions Options { get; }

    /// <summary>CR0.SMMUEN. Off, every access takes the way of <see cref="IsAbortingWhileOff"/>.</summary>
    public bool IsEnabled { get; set; } = true;

    /// <summary>GBPA.ABORT: whether accesses are refused while it is off; else they bypass it.</summary>
    public bool IsAbortingWhileOff { get; set; }

    /// <summary>Streams that the table has entries for.</summary>
    public uint StreamCount => streamCount;

    /// <summary>Bytes of its stream table and event queue.</summary>
    public ulong TableBytes { get; }

    /// <summary>Events that a full queue dropped.</summary>
    public ulong DroppedEvents { get; private set; }

    /// <summary>Accesses refused so far, those of aborting streams among them.</summary>
    public ulong Refused { get; private set; }

    /// <summary>Table walks so far.</summary>
    public ulong Walks => unit.WalkCount;

    /// <summary>A stream's entry, in memory.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The table has no such entry.</exception>
    public ref StreamTableEntry this[uint stream]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(stream, streamCount);
            return ref memory.GetRef<StreamTableEntry>(streamTable + (stream * StreamTableEntry.SizeBytes));
        }
    }

    /// <summary>Translates an access of a device.</summary>
    /// <param name="stream">The device's stream.</param>
    /// <param name="address">The address that it uses.</param>
    /// <param name="isWrite">Whether it writes.</param>
    /// <param name="physical">Where the access goes.</param>
    /// <returns>False where it is refused; an event says why, except for an aborting stream.</returns>
    public bool TryTranslate(uint stream, ulong address, bool isWrite, out PhysAddr physical)
    {
        physical = new PhysAddr(address);
        bool isReached = IsEnabled ? TryTranslateStream(stream, address, isWrite, out physical) : !IsAbortingWhileOff;
        Refused += isReached ? 0UL : 1UL;
        return isReached;
    }

    /// <summary>Takes the recorded events out of the queue, and prints them as the driver does.</summary>
    public IReadOnlyList<SmmuEvent> TakeEvents()
    {
        List<SmmuEvent> taken = [];
        for (; consumed != produced; consumed = unchecked(consumed + 1))
        {
            SmmuEvent record = memory.GetRef<SmmuEvent>(eventQueue + ((consumed & (eventCount - 1)) * SmmuEvent.SizeBytes));
            slabs.Print(record.Format());
            taken.Add(record);
        }

        return taken;
    }

    /// <summary>Takes the translations of a range out of the TLB (CMD_TLBI_NH_VA, CMD_TLBI_S2_IPA).</summary>
    public void Invalidate(ushort asid, ushort vmid, ulong address, ulong lengthBytes)
    {
        unit.SwitchTo(new Asid(asid), vmid);
        unit.Invalidate(new Asid(asid), new VirtAddr(address), new VirtAddr(address + lengthBytes));
    }

    /// <summary>Takes all translations of an address space out of the TLB (CMD_TLBI_NH_ASID, CMD_TLBI_S12_VMALL).</summary>
    public void Invalidate(ushort asid, ushort vmid)
    {
        unit.SwitchTo(new Asid(asid), vmid);
        if (vmid != 0)
        {
            unit.InvalidateCurrentVmid();
        }
        else
        {
            unit.Invalidate(new Asid(asid));
        }
    }

    private bool TryTranslateStream(uint stream, ulong address, bool isWrite, out PhysAddr physical)
    {
        physical = new PhysAddr(address);
        if (stream >= streamCount)
        {
            return Record(SmmuEvent.Create(SmmuEventType.CBadStreamId, stream, address, isWrite));
        }

        if (!memory.TryRead(streamTable + (stream * StreamTableEntry.SizeBytes), out StreamTableEntry entry))
        {
            return Record(SmmuEvent.Create(SmmuEventType.FSteFetch, stream, address, isWrite));
        }

        if (!entry.IsValid)
        {
            return Record(SmmuEvent.Create(SmmuEventType.CBadSte, stream, address, isWrite));
        }

        if (entry.Config is StreamConfig.Abort or StreamConfig.Bypass)
        {
            return entry.Config == StreamConfig.Bypass;
        }

        TranslationRegisters registers = new(0, 0, 0, 0, 0, Profile);
        ushort asid = 0;
        if (entry.Config != StreamConfig.Stage2)
        {
            PhysAddr place = entry.Context;
            if (entry.Config == StreamConfig.Nested && !TryTranslateContext(stream, entry, address, isWrite, ref place))
            {
                return false;
            }

            if (!memory.TryRead(place, out ContextDescriptor context))
            {
                return Record(SmmuEvent.Create(SmmuEventType.FCdFetch, stream, address, isWrite));
            }

            if (!context.IsValid)
            {
                return Record(SmmuEvent.Create(SmmuEventType.CBadCd, stream, address, isWrite));
            }

            (registers, asid) = (context.Registers, context.Asid);
        }

        return TryTranslate(stream, registers, entry.Stage2, asid, entry.Vmid, address, isWrite, out physical);
    }

    // The guest's context descriptor lies at an address of the guest (5.2, S1ContextPtr).
    private bool TryTranslateContext(uint stream, in StreamTableEntry entry, ulong address, bool isWrite, ref PhysAddr place)
    {
        ArenaMemory tables = new(memory);
        TranslationRegisters flat = new(0, 0, 0, 0, 0, Profile);
        TranslationResult found = Walker.Translate(ref tables, flat, entry.Stage2, new VirtAddr(place.Value), new TranslationAccess(AccessKind.Load, 1));
        if (found.IsOk)
        {
            place = found.Address;
            return true;
        }

        return Record(SmmuEvent.Create(TypeOf(found.Fault.Kind), stream, address, isWrite, isStage2: true, SmmuEventClass.ContextDescriptor, place.Value));
    }

    private bool TryTranslate(
        uint stream, in TranslationRegisters registers, in Stage2Registers stage2, ushort asid, ushort vmid, ulong address, bool isWrite, out PhysAddr physical)
    {
        if (unit.CurrentAsid.Value != asid || unit.CurrentVmid != vmid)
        {
            unit.SwitchTo(new Asid(asid), vmid);
        }

        unit.Walker.Registers = registers;
        unit.Walker.Stage2 = stage2;
        AccessKind kind = isWrite ? AccessKind.Store : AccessKind.Load;
        ulong translated = unit.Translate(new VirtAddr(address), kind);
        physical = new PhysAddr(translated);
        if (translated != TranslationUnit<RegisterWalker<ArenaMemory>, NoObserver>.Faulted)
        {
            return true;
        }

        // The TLB says that it faulted; a look at the tables says at which stage and where. Where they disagree, a TLB entry denied it.
        byte status = unit.Stop.FaultStatus;
        ArenaMemory tables = new(memory);
        TranslationResult found = Walker.Translate(ref tables, registers, stage2, new VirtAddr(address), new TranslationAccess(kind, 0));
        SmmuEventType type = found.IsOk ? TypeOf(status) : TypeOf(found.Fault.Kind);
        return Record(SmmuEvent.Create(
            type, stream, address, isWrite, found.Fault.IsStage2, found.Fault.IsOnStage1Walk ? SmmuEventClass.TableDescriptor : SmmuEventClass.Input,
            found.IntermediateAddress.Value));
    }

    private static SmmuEventType TypeOf(byte status) => (status & FaultKindMask) switch
    {
        TranslationStop.PermissionFault => SmmuEventType.FPermission,
        TranslationStop.AccessFlagFault => SmmuEventType.FAccess,
        _ => SmmuEventType.FTranslation,
    };

    private static SmmuEventType TypeOf(FaultKind kind) => kind switch
    {
        FaultKind.AddressSize => SmmuEventType.FAddrSize,
        FaultKind.AccessFlag => SmmuEventType.FAccess,
        FaultKind.Permission => SmmuEventType.FPermission,
        FaultKind.ExternalAbort => SmmuEventType.FWalkEabt,
        _ => SmmuEventType.FTranslation,
    };

    private bool Record(in SmmuEvent record)
    {
        if (unchecked(produced - consumed) >= eventCount)
        {
            DroppedEvents++;
            return false;
        }

        memory.GetRef<SmmuEvent>(eventQueue + ((produced & (eventCount - 1)) * SmmuEvent.SizeBytes)) = record;
        produced = unchecked(produced + 1);
        return false;
    }

    private PhysAddr Allocate(uint lengthBytes)
    {
        int order = System.Numerics.BitOperations.Log2(RoundUp(lengthBytes) >> Pfn.PageShift);
        return slabs.Pages.TryAllocate(new CpuId(0), new Order(order), GfpFlags.Kernel | GfpFlags.Zero, out Pfn pfn)
            ? pfn.Address
            : throw new InsufficientMemoryException("the simulated memory has no room for the SMMU's tables");
    }

    private static uint RoundUp(uint lengthBytes) => (lengthBytes + Pfn.PageSizeBytes - 1) & ~(uint)(Pfn.PageSizeBytes - 1);
}
