using Engine.Arm64;
using Engine.Arm64.Kernel.Dma;
using Engine.Arm64.Kernel.Smmu;
using Engine.Core.Units;
using Engine.PropertyTests.Support;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.Kernel;

/// <summary>The SMMU as a firewall: what devices reach is what was mapped for them, and what they are refused is recorded.</summary>
public sealed class SmmuTests
{
    private static readonly CpuId Cpu = new(0);

    [Fact]
    public void Devices_reach_only_what_was_mapped_for_them() =>
        ModelProperty.Check(Step(), steps => Run(steps, isStrict: true), tests: 40, length: 120);

    /// <summary>The planted bug: unmapping without taking the pages out of the TLB at once.</summary>
    [Fact]
    public void An_unmapping_that_leaves_the_TLB_alone_is_seen() =>
        ModelProperty.MustFail(Step(), steps => Run(steps, isStrict: false), tests: 40, length: 120);

    [Fact]
    public void A_refused_access_is_recorded_with_stream_address_and_direction()
    {
        using Machine machine = Boot(new SmmuOptions { StreamBits = 4 });
        DmaApi dma = machine.Kernel.Dma;
        SmmuV3 smmu = machine.Kernel.Smmu!;
        DmaDevice first = dma.AddDevice("eth0", 3, DmaProtection.Stage1);
        DmaDevice guest = dma.AddDevice("nvme0", 4, DmaProtection.Stage2);
        DmaDevice blocked = dma.AddDevice("usb0", 5, DmaProtection.Blocked);
        PhysAddr page = Page(machine);
        Assert.True(dma.TryMapSingle(Cpu, first, page, 4096, DmaDirection.ToDevice, out DmaAddr address));
        Assert.True(dma.TryMapSingle(Cpu, guest, page, 4096, DmaDirection.FromDevice, out DmaAddr guestAddress));
        byte[] bytes = new byte[8];
        Assert.Equal(8, first.Read(address, bytes));
        Assert.Equal(0, first.Write(address, bytes));
        Assert.Equal(0, first.Read(new DmaAddr(address.Value - 4096), bytes));
        Assert.Equal((8, 0), (guest.Write(guestAddress, bytes), guest.Read(guestAddress, bytes)));
        Assert.Equal(0, blocked.Read(new DmaAddr(page.ToUInt64()), bytes));
        Assert.Equal(
            [
                (SmmuEventType.FPermission, 3u, address.Value, false, false), (SmmuEventType.FTranslation, 3u, address.Value - 4096, true, false),
                (SmmuEventType.FPermission, 4u, guestAddress.Value, true, true),
            ],
            smmu.TakeEvents().Select(record => (record.Type, record.StreamId, record.Address, record.IsRead, record.IsStage2)));
        Assert.Equal(4UL, smmu.Refused);
        Assert.Contains(machine.Kernel.Printed, text => text.StartsWith("arm-smmu-v3 arm-smmu-v3.0.auto: event 0x13 received:\narm-smmu-v3 arm-smmu-v3.0.auto: \t0x0000000300000013\n", StringComparison.Ordinal));
    }

    [Fact]
    public void Bad_configuration_is_refused_and_recorded()
    {
        using Machine machine = Boot(new SmmuOptions { StreamBits = 2 });
        DmaApi dma = machine.Kernel.Dma;
        SmmuV3 smmu = machine.Kernel.Smmu!;
        DmaDevice device = dma.AddDevice("eth0", 1, DmaProtection.Stage1);
        Assert.True(dma.TryMapSingle(Cpu, device, Page(machine), 4096, DmaDirection.Bidirectional, out DmaAddr address));
        StreamTableEntry good = smmu[1];
        Assert.False(smmu.TryTranslate(2, address.Value, false, out _));
        Assert.False(smmu.TryTranslate(99, address.Value, false, out _));
        smmu[1].Word0 = (good.Word0 & ~0xeUL) | (2UL << 1);
        Assert.False(smmu.TryTranslate(1, address.Value, false, out _));
        smmu[1] = StreamTableEntry.ForStage1(new PhysAddr(0x1000));
        Assert.False(smmu.TryTranslate(1, address.Value, false, out _));
        machine.Memory.GetRef<ContextDescriptor>(good.Context).Word0 &= ~(1UL << 31);
        smmu[1] = good;
        Assert.False(smmu.TryTranslate(1, address.Value, false, out _));
        machine.Memory.GetRef<ContextDescriptor>(good.Context).Word0 |= 1UL << 31;
        Assert.True(smmu.TryTranslate(1, address.Value, false, out _));

        // A root outside memory: the walk meets nothing.
        smmu.Invalidate(machine.Memory.GetRef<ContextDescriptor>(good.Context).Asid, 0);
        machine.Memory.GetRef<ContextDescriptor>(good.Context).Word1 = 0x1000;
        Assert.False(smmu.TryTranslate(1, address.Value, false, out _));
        Assert.Equal(
            [
                SmmuEventType.CBadSte, SmmuEventType.CBadStreamId, SmmuEventType.CBadSte, SmmuEventType.FCdFetch, SmmuEventType.CBadCd,
                SmmuEventType.FWalkEabt,
            ],
            smmu.TakeEvents().Select(record => record.Type));
    }

    [Fact]
    public void A_device_in_bypass_reaches_everything_and_a_firewall_stops_the_same_device()
    {
        using Machine machine = Boot(new SmmuOptions());
        DmaDevice rogue = machine.Kernel.Dma.AddDevice("gpu0", 7, DmaProtection.Bypass, addressBits: 48);
        DmaDevice caged = machine.Kernel.Dma.AddDevice("gpu1", 8, DmaProtection.Stage1, addressBits: 48);
        PhysAddr secret = Page(machine);
        machine.Memory.TryWrite(secret, 0x5ec2e7UL);
        byte[] read = new byte[8];
        DmaAddr target = new(secret.ToUInt64());
        Assert.Equal(0, caged.Read(target, read));
        Assert.Equal(8, rogue.Read(target, read));
        Assert.Equal(0x5ec2e7UL, BitConverter.ToUInt64(read));
        Assert.Equal(8, rogue.Write(target, new byte[8]));
        machine.Memory.TryRead(secret, out ulong left);
        Assert.Equal(0UL, left);

        // The SMMU switched off lets everybody through, or nobody.
        SmmuV3 smmu = machine.Kernel.Smmu!;
        smmu.IsEnabled = false;
        Assert.Equal(8, caged.Read(target, read));
        smmu.IsAbortingWhileOff = true;
        Assert.Equal((0, 0), (caged.Read(target, read), rogue.Read(target, read)));
    }

    [Fact]
    public void A_full_event_queue_drops_records()
    {
        using Machine machine = Boot(new SmmuOptions { EventQueueBits = 2 });
        for (uint i = 0; i < 7; i++)
        {
            Assert.False(machine.Kernel.Smmu!.TryTranslate(1, i << 12, false, out _));
        }

        Assert.Equal((4, 3UL), (machine.Kernel.Smmu!.TakeEvents().Count, machine.Kernel.Smmu.DroppedEvents));
        Assert.Empty(machine.Kernel.Smmu.TakeEvents());
    }

    [Fact]
    public void The_TLB_saves_walks()
    {
        using Machine machine = Boot(new SmmuOptions());
        DmaDevice device = machine.Kernel.Dma.AddDevice("eth0", 1, DmaProtection.Stage1);
        Assert.True(machine.Kernel.Dma.TryMapSingle(Cpu, device, Page(machine), 4096, DmaDirection.Bidirectional, out DmaAddr address));
        byte[] bytes = new byte[64];
        for (ulong i = 0; i < 64; i++)
        {
            Assert.Equal(64, device.Write(address + (i * 64), bytes));
        }

        Assert.Equal(1UL, machine.Kernel.Smmu!.Walks);
    }

    private static Gen<(int Kind, int Device, int Pick, int Length)> Step() =>
        from kind in Gen.Frequency((3, Gen.Constant(0)), (2, Gen.Constant(1)), (5, Gen.Choose(2, 3)), (4, Gen.Choose(4, 5)))
        from device in Gen.Choose(0, 2)
        from pick in Gen.Choose(0, 100_000)
        from length in Gen.Frequency((3, Gen.Choose(1, 200)), (1, Gen.Choose(1, 9000)))
        select (kind, device, pick, length);

    // Kinds: 0 map, 1 unmap, 2 and 3 an access near a mapping, 4 and 5 an access where a mapping was or anywhere.
    private static void Run(IReadOnlyList<(int Kind, int Device, int Pick, int Length)> steps, bool isStrict)
    {
        using Machine machine = Boot(new SmmuOptions { IsStrict = isStrict });
        DmaApi dma = machine.Kernel.Dma;
        DmaDevice[] devices =
        [
            dma.AddDevice("a", 1, DmaProtection.Stage1), dma.AddDevice("b", 2, DmaProtection.Stage1, 40), dma.AddDevice("c", 3, DmaProtection.Stage2),
        ];
        Assert.True(machine.Pages.TryAllocate(Cpu, new Order(6), GfpFlags.Kernel | GfpFlags.Zero, out Pfn pool));
        List<(DmaAddr Address, PhysAddr Physical, int Length, DmaDirection Direction)>[] maps = [[], [], []];
        List<ulong> seen = [0, pool.Address.ToUInt64()];
        byte[] shadow = new byte[64 * 4096];
        byte stamp = 1;
        foreach ((int kind, int number, int pick, int length) in steps)
        {
            (DmaDevice device, var live) = (devices[number], maps[number]);
            if (kind == 0)
            {
                PhysAddr physical = pool.Address + (ulong)(pick % ((64 * 4096) - length));
                DmaDirection direction = (DmaDirection)(pick % 3);
                Assert.True(dma.TryMapSingle(Cpu, device, physical, (ulong)length, direction, out DmaAddr address));
                live.Add((address, physical, length, direction));
                seen.Add(address.Value);
            }
            else if (kind == 1 && live.Count > 0)
            {
                (DmaAddr address, _, int mapped, DmaDirection direction) = live[pick % live.Count];
                dma.UnmapSingle(Cpu, device, address, (ulong)mapped, direction);
                live.RemoveAt(pick % live.Count);
            }
            else if (kind >= 2)
            {
                ulong around = kind < 4 && live.Count > 0 ? live[pick % live.Count].Address.Value : seen[pick % seen.Count];
                Access(device, live, new DmaAddr(unchecked(around + (ulong)(pick % 7000) - 2000)), length, isWrite: (kind & 1) != 0, number == 2, pool, shadow, stamp++);
            }
        }

        Assert.True(machine.Memory.GetSpan(pool.Address, shadow.Length).SequenceEqual(shadow));
        Assert.Equal(0, machine.Log.Count);
    }

    private static void Access(
        DmaDevice device, List<(DmaAddr Address, PhysAddr Physical, int Length, DmaDirection Direction)> live, DmaAddr address, int length, bool isWrite,
        bool isStage2, Pfn pool, byte[] shadow, byte stamp)
    {
        // The model, byte by byte: the page of some mapping, with the right that its direction gives.
        List<int> places = [];
        for (int i = 0; i < length; i++)
        {
            ulong at = unchecked(address.Value + (ulong)i);
            int found = live.FindIndex(map => at >= (map.Address.Value & ~4095UL) && at < ((map.Address.Value + (ulong)map.Length + 4095) & ~4095UL));
            bool isAllowed = found >= 0 && live[found].Direction switch
            {
                DmaDirection.ToDevice => !isWrite,
                DmaDirection.FromDevice => isWrite || !isStage2,
                _ => true,
            };
            if (!isAllowed)
            {
                break;
            }

            places.Add((int)((live[found].Physical.ToUInt64() & ~4095UL) + (at - (live[found].Address.Value & ~4095UL)) - pool.Address.ToUInt64()));
        }

        byte[] bytes = [.. Enumerable.Range(0, length).Select(i => (byte)(stamp + i))];
        if (isWrite)
        {
            Assert.Equal(places.Count, device.Write(address, bytes));
            for (int i = 0; i < places.Count; i++)
            {
                shadow[places[i]] = bytes[i];
            }
        }
        else
        {
            Assert.Equal(places.Count, device.Read(address, bytes));
            Assert.Equal(places.Select(place => shadow[place]), bytes.Take(places.Count));
        }
    }

    private static PhysAddr Page(Machine machine)
    {
        Assert.True(machine.Pages.TryAllocate(Cpu, Order.Zero, GfpFlags.Kernel, out Pfn pfn));
        return pfn.Address;
    }

    private static Machine Boot(SmmuOptions smmu) => new(new MachineOptions { MemoryBytes = 64UL << 20, Smmu = smmu });
}
