using Engine.Arm64;
using Engine.Arm64.Kernel.Smmu;
using Engine.Arm64.PageTables;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Arena;
using Engine.Core.Units;
using Engine.PropertyTests.Support;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.Kernel;

/// <summary>
/// A stream with both stages: a guest's driver has stage 1, the hypervisor stage 2. A device reaches a byte where both allow it; what is
/// refused is recorded with the stage, and with the guest's address where it was the second.
/// </summary>
public sealed class SmmuNestedTests
{
    private const uint Stream = 6;
    private const ushort Asid = 5;
    private const ushort Vmid = 9;
    private const int PageCount = 4;
    private const ulong PageBytes = Pfn.PageSizeBytes;

    // What the device uses, and what the guest takes for memory; the guest's tables lie at their own addresses, read-only.
    private const ulong DeviceBase = 0x40_0000;
    private const ulong GuestBase = 0x1_0000_0000;
    private static readonly CpuId Cpu = new(0);

    private enum StepKind
    {
        MapStage1,
        UnmapStage1,
        MapStage2,
        UnmapStage2,
        Access,
    }

    [Fact]
    public void An_access_needs_both_stages() => ModelProperty.Check(Step(), steps => Run(steps, flushes: true), tests: 40, length: 100);

    /// <summary>The planted bug: the hypervisor changes stage 2 and leaves the TLB alone.</summary>
    [Fact]
    public void A_stale_second_stage_is_seen() => ModelProperty.MustFail(Step(), steps => Run(steps, flushes: false), tests: 40, length: 100);

    [Fact]
    public void The_context_descriptor_and_the_tables_lie_behind_stage_2()
    {
        using Machine machine = new(new MachineOptions { MemoryBytes = 64UL << 20, Smmu = new SmmuOptions { StreamBits = 4 } });
        SmmuV3 smmu = machine.Kernel.Smmu!;
        (PageTable stage1, PageTable stage2, PhysAddr context) = Build(machine, Stream);
        PhysAddr page = Page(machine);
        Map(stage1, DeviceBase, new PhysAddr(GuestBase), mayWrite: true);
        MapGuest(stage2, GuestBase, page, mayWrite: true);
        Assert.True(smmu.TryTranslate(Stream, DeviceBase + 8, false, out PhysAddr physical));
        Assert.Equal(page + 8, physical);

        // The guest moves its context descriptor: the entry has the guest's address, not memory's.
        const ulong ContextAt = 0x2_0000_0000;
        MapGuest(stage2, ContextAt, context, mayWrite: false);
        PhysAddr place = new(ContextAt + (context.ToUInt64() % PageBytes));
        smmu[Stream] = StreamTableEntry.ForNested(place, stage2.Root.Address, Vmid);
        Assert.True(smmu.TryTranslate(Stream, DeviceBase, true, out physical));
        Assert.Equal(page, physical);
        stage2.TryUnmap(Cpu, new VirtAddr(ContextAt), PageBytes);
        smmu.Invalidate(0, Vmid);
        Assert.False(smmu.TryTranslate(Stream, DeviceBase, true, out _));
        smmu[Stream] = StreamTableEntry.ForNested(context, stage2.Root.Address, Vmid);

        // The hypervisor takes the guest's tables away.
        stage2.TryUnmap(Cpu, new VirtAddr(stage1.Root.Address.ToUInt64()), PageBytes);
        smmu.Invalidate(0, Vmid);
        Assert.False(smmu.TryTranslate(Stream, DeviceBase, false, out _));
        Assert.Equal(
            [
                (SmmuEventType.FTranslation, true, SmmuEventClass.ContextDescriptor, ContextAt, DeviceBase),
                (SmmuEventType.FTranslation, true, SmmuEventClass.TableDescriptor, stage1.Root.Address.ToUInt64(), DeviceBase),
            ],
            smmu.TakeEvents().Select(record => (record.Type, record.IsStage2, record.Class, record.IntermediateAddress, record.Address)));
    }

    private static Gen<(StepKind Kind, int Device, int Guest, bool IsWrite)> Step() =>
        from kind in Gen.Frequency(
            (3, Gen.Constant(StepKind.MapStage1)), (1, Gen.Constant(StepKind.UnmapStage1)), (3, Gen.Constant(StepKind.MapStage2)),
            (1, Gen.Constant(StepKind.UnmapStage2)), (8, Gen.Constant(StepKind.Access)))
        from device in Gen.Choose(0, PageCount - 1)
        from guest in Gen.Choose(0, PageCount - 1)
        from isWrite in Gen.Elements(true, false)
        select (kind, device, guest, isWrite);

    private static void Run(IReadOnlyList<(StepKind Kind, int Device, int Guest, bool IsWrite)> steps, bool flushes)
    {
        using Machine machine = new(new MachineOptions { MemoryBytes = 64UL << 20, Smmu = new SmmuOptions { StreamBits = 4 } });
        SmmuV3 smmu = machine.Kernel.Smmu!;
        (PageTable stage1, PageTable stage2, _) = Build(machine, Stream);
        PhysAddr[] pool = [.. Enumerable.Range(0, PageCount).Select(_ => Page(machine))];
        (int Guest, bool MayWrite)?[] first = new (int, bool)?[PageCount];
        (PhysAddr Page, bool MayWrite)?[] second = new (PhysAddr, bool)?[PageCount];
        foreach ((StepKind kind, int device, int guest, bool isWrite) in steps)
        {
            switch (kind)
            {
                case StepKind.MapStage1 when first[device] is null:
                    Map(stage1, DeviceBase + ((ulong)device * PageBytes), new PhysAddr(GuestBase + ((ulong)guest * PageBytes)), isWrite);
                    first[device] = (guest, isWrite);
                    break;
                case StepKind.UnmapStage1 when first[device] is not null:
                    stage1.TryUnmap(Cpu, new VirtAddr(DeviceBase + ((ulong)device * PageBytes)), PageBytes);
                    smmu.Invalidate(Asid, Vmid, DeviceBase + ((ulong)device * PageBytes), PageBytes);
                    first[device] = null;
                    break;
                case StepKind.MapStage2 when second[guest] is null:
                    MapGuest(stage2, GuestBase + ((ulong)guest * PageBytes), pool[device], isWrite);
                    second[guest] = (pool[device], isWrite);
                    break;
                case StepKind.UnmapStage2 when second[guest] is not null:
                    stage2.TryUnmap(Cpu, new VirtAddr(GuestBase + ((ulong)guest * PageBytes)), PageBytes);
                    second[guest] = null;
                    if (flushes)
                    {
                        smmu.Invalidate(0, Vmid);
                    }

                    break;
                case StepKind.Access:
                    Access(smmu, first, second, device, isWrite);
                    break;
            }
        }

        Assert.Equal(0, machine.Log.Count);
    }

    private static void Access(SmmuV3 smmu, (int Guest, bool MayWrite)?[] first, (PhysAddr Page, bool MayWrite)?[] second, int device, bool isWrite)
    {
        ulong address = DeviceBase + ((ulong)device * PageBytes) + 0x123;
        bool isFirst = first[device] is { } one && (one.MayWrite || !isWrite);
        int guest = first[device]?.Guest ?? 0;
        bool isSecond = second[guest] is { } two && (two.MayWrite || !isWrite);
        Assert.Equal(isFirst && isSecond, smmu.TryTranslate(Stream, address, isWrite, out PhysAddr physical));
        if (isFirst && isSecond)
        {
            Assert.Equal(second[guest]!.Value.Page + 0x123, physical);
            return;
        }

        // Stage 1 is asked first, of both what is mapped and what is allowed.
        SmmuEvent record = Assert.Single(smmu.TakeEvents());
        SmmuEventType expected = (isFirst ? second[guest] is null : first[device] is null) ? SmmuEventType.FTranslation : SmmuEventType.FPermission;
        Assert.Equal((expected, isFirst, address, !isWrite), (record.Type, record.IsStage2, record.Address, record.IsRead));
        Assert.Equal(isFirst ? GuestBase + ((ulong)guest * PageBytes) : 0, record.IntermediateAddress);
        Assert.Equal(SmmuEventClass.Input, record.Class);
    }

    // A guest with empty tables of its own, which the hypervisor lets it and the SMMU read where they are.
    private static (PageTable Stage1, PageTable Stage2, PhysAddr Context) Build(Machine machine, uint stream)
    {
        Assert.True(PageTable.TryCreate(machine.Pages, Cpu, PageTableKind.Device, out PageTable? stage1));
        Assert.True(PageTable.TryCreate(machine.Pages, Cpu, PageTableKind.Device, out PageTable? stage2));
        PhysAddr context = Page(machine) + 0x40;
        machine.Memory.GetRef<ContextDescriptor>(context) = ContextDescriptor.For(stage1.Root.Address, Asid);
        foreach (MemoryBank bank in machine.Memory.Banks)
        {
            stage2.MapRange(Cpu, new VirtAddr(bank.Start.ToUInt64()), bank.Start, bank.LengthBytes, GuestAttributes(mayWrite: false), MapShapes.Pages);
        }

        machine.Kernel.Smmu![stream] = StreamTableEntry.ForNested(context, stage2.Root.Address, Vmid);
        return (stage1, stage2, context);
    }

    private static void Map(PageTable stage1, ulong address, PhysAddr guest, bool mayWrite) =>
        Assert.Equal(PageBytes, stage1.MapRange(Cpu, new VirtAddr(address), guest, PageBytes, DeviceAttributes(mayWrite), MapShapes.Pages));

    private static void MapGuest(PageTable stage2, ulong guest, PhysAddr page, bool mayWrite) =>
        Assert.Equal(
            PageBytes,
            stage2.MapRange(Cpu, new VirtAddr(guest), new PhysAddr(page.ToUInt64() & ~(PageBytes - 1)), PageBytes, GuestAttributes(mayWrite), MapShapes.Pages));

    private static PageAttributes DeviceAttributes(bool mayWrite) => new(
        Descriptor.ValidBit | Descriptor.TableBit | Descriptor.AccessFlagBit | Descriptor.InnerShareable | Descriptor.UxnBit | Descriptor.PxnBit
        | Descriptor.NotGlobalBit | Descriptor.UserBit | (mayWrite ? 0 : Descriptor.ReadOnlyBit) | (1UL << Descriptor.AttributeIndexShift));

    // S2AP has its read bit where AP has the user's, and its write bit where AP has read-only.
    private static PageAttributes GuestAttributes(bool mayWrite) => new(
        Descriptor.ValidBit | Descriptor.TableBit | Descriptor.AccessFlagBit | Descriptor.InnerShareable | Descriptor.UxnBit | Descriptor.UserBit
        | (mayWrite ? Descriptor.ReadOnlyBit : 0) | (15UL << Descriptor.AttributeIndexShift));

    private static PhysAddr Page(Machine machine)
    {
        Assert.True(machine.Pages.TryAllocate(Cpu, Order.Zero, GfpFlags.Kernel, out Pfn pfn));
        return pfn.Address;
    }
}
