using Engine.Arm64;
using Engine.Arm64.Kernel.Dma;
using Engine.Arm64.Kernel.Map;
using Engine.Arm64.Kernel.Smmu;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Units;
using Xunit;

namespace Engine.PropertyTests.Kernel;

/// <summary>DMA buffers: coherent, streaming, scattered, from CMA; and what drivers do wrong with them.</summary>
public sealed class DmaTests
{
    private static readonly CpuId Cpu = new(0);

    [Fact]
    public void Coherent_memory_is_one_for_kernel_and_device_though_its_frames_are_scattered()
    {
        using Machine machine = Boot();
        DmaApi dma = machine.Kernel.Dma;
        DmaDevice device = dma.AddDevice("eth0", 1, DmaProtection.Stage1);
        Pfn[] taken = [.. Enumerable.Range(0, 64).Select(_ => machine.Pages.TryAllocate(Cpu, Order.Zero, GfpFlags.Kernel, out Pfn pfn) ? pfn : Pfn.None)];
        for (int i = 0; i < taken.Length; i += 2)
        {
            machine.Pages.Free(Cpu, taken[i], Order.Zero);
        }

        ulong free = FreePages(machine);
        Assert.True(dma.TryAllocateCoherent(Cpu, device, 10 * 4096, out CoherentBuffer buffer));
        byte[] pattern = [.. Enumerable.Range(0, 10 * 4096).Select(i => (byte)(i / 11))];
        Assert.True(machine.Kernel.Access.TryWrite(machine.Cpus[0], buffer.Address, pattern));
        byte[] read = new byte[pattern.Length];
        Assert.Equal(read.Length, device.Read(buffer.Device, read));
        Assert.Equal(pattern, read);
        Pfn[] frames = [.. Enumerable.Range(0, 10).Select(i => machine.Kernel.Map.Tables.Read(buffer.Address + ((ulong)i * 4096)).Pfn)];
        Assert.Contains(frames.Zip(frames.Skip(1)), pair => pair.Second != pair.First + 1);
        Assert.Equal(4, device.Write(buffer.Device + 5000, [1, 2, 3, 4]));
        Assert.True(machine.Kernel.Access.TryRead(machine.Cpus[0], buffer.Address + 5000, out uint word));
        Assert.Equal(0x04030201u, word);
        dma.FreeCoherent(Cpu, device, buffer);
        Assert.Equal(0, device.Read(buffer.Device, read));
        dma.FreeCoherent(Cpu, device, buffer);
        Assert.EndsWith("device driver tries to free DMA memory it has not allocated [device address=" + buffer.Device + "] [size=40960 bytes]", machine.Log.Items[0].Reason, StringComparison.Ordinal);
        Assert.True(FreePages(machine) <= free);
    }

    [Fact]
    public void Scatter_lists_become_one_run_of_addresses()
    {
        using Machine machine = Boot();
        DmaApi dma = machine.Kernel.Dma;
        DmaDevice device = dma.AddDevice("ahci", 1, DmaProtection.Stage1);
        ScatterPart[] parts = [.. new ulong[] { 100, 4096, 3000 }.Select(length => new ScatterPart(Page(machine) + (length == 100 ? 200UL : 0), length))];
        for (int i = 0; i < parts.Length; i++)
        {
            machine.Memory.GetSpan(parts[i].Physical, (int)parts[i].LengthBytes).Fill((byte)(i + 1));
        }

        DmaAddr[] addresses = new DmaAddr[3];
        Assert.True(dma.TryMapScatter(Cpu, device, parts, DmaDirection.ToDevice, addresses));
        Assert.Equal((addresses[0].Value & ~4095UL) + 4096, addresses[1].Value);
        Assert.Equal(addresses[1].Value + 4096, addresses[2].Value);
        for (int i = 0; i < parts.Length; i++)
        {
            byte[] read = new byte[parts[i].LengthBytes];
            Assert.Equal(read.Length, device.Read(addresses[i], read));
            Assert.All(read, value => Assert.Equal(i + 1, value));
        }

        dma.UnmapScatter(Cpu, device, parts, DmaDirection.ToDevice, addresses);
        Assert.All(addresses, address => Assert.Equal(0, device.Read(address, new byte[1])));
        Assert.Equal(0, machine.Log.Count);
    }

    [Fact]
    public void Addresses_are_taken_from_the_top_down_aligned_to_their_size()
    {
        using Machine machine = Boot();
        DmaApi dma = machine.Kernel.Dma;
        DmaDevice device = dma.AddDevice("eth0", 1, DmaProtection.Stage1);
        Assert.True(machine.Pages.TryAllocate(Cpu, new Order(4), GfpFlags.Kernel, out Pfn block));
        DmaAddr Map(ulong pages) => dma.TryMapSingle(Cpu, device, block.Address, pages * 4096, DmaDirection.Bidirectional, out DmaAddr address) ? address : default;
        DmaAddr[] taken = [Map(1), Map(1), Map(3), Map(2)];
        Assert.Equal([0xffff_f000UL, 0xffff_e000UL, 0xffff_8000UL, 0xffff_c000UL], taken.Select(address => address.Value));
        dma.UnmapSingle(Cpu, device, taken[0], 4096, DmaDirection.Bidirectional);
        Assert.Equal(taken[0], Map(1));
        Assert.Equal(0, machine.Log.Count);
    }

    [Fact]
    public void A_range_of_CMA_is_emptied_of_user_pages_for_a_device_without_SMMU()
    {
        using Machine machine = Boot(hasSmmu: false);
        DmaApi dma = machine.Kernel.Dma;
        DmaDevice device = dma.AddDevice("cam0", 0, DmaProtection.Bypass);
        Pfn area = machine.Memory.Start.Pfn + (512 * 16);
        Assert.True(dma.TryReserveCma(area, 1024));
        Cpu cpu = machine.Cpus[0];
        Process process = machine.CreateProcess("filler");
        cpu.SwitchTo(process);
        VirtAddr heap = process.Memory.Map(Cpu, default, 43UL << 20, MemoryProtection.Read | MemoryProtection.Write, MapFlags.Private | MapFlags.Anonymous, MappedFile.None, 0).Address;
        for (ulong offset = 0; offset < 43UL << 20; offset += 4096)
        {
            cpu.TryWrite(heap + offset, (byte)(offset >> 12));
        }

        int inside = Enumerable.Range(0, 43 << 8).Count(i => process.Tables.Read(heap + ((ulong)i << 12)).Pfn is { } pfn && pfn >= area && pfn < area + 1024);
        Assert.True(inside > 100, $"only {inside} user pages in the area");
        for (ulong offset = 0; offset < 8UL << 20; offset += 4096)
        {
            process.Memory.Unmap(Cpu, heap + offset, 4096);
        }

        Assert.True(dma.TryAllocateCoherent(Cpu, device, 2UL << 20, out CoherentBuffer buffer));
        Pfn first = new PhysAddr(buffer.Device.Value).Pfn;
        Assert.True(first >= area && first + 512 <= area + 1024);
        Assert.Equal(512u, dma.Cma!.UsedPages);
        Assert.Equal(4, device.Write(buffer.Device + ((2UL << 20) - 4), [9, 9, 9, 9]));
        for (ulong offset = 8UL << 20; offset < 43UL << 20; offset += 4096)
        {
            Assert.True(cpu.TryRead(heap + offset, out byte value) <= Engine.Arm64.Faults.FaultResult.Major && value == (byte)(offset >> 12));
        }

        dma.FreeCoherent(Cpu, device, buffer);
        Assert.Equal((0u, 0L), (dma.Cma.UsedPages, machine.Log.Count));
    }

    [Fact]
    public void Misuse_is_reported_in_the_kernels_words_and_has_no_effect()
    {
        using Machine machine = Boot();
        DmaApi dma = machine.Kernel.Dma;
        DmaDevice device = dma.AddDevice("eth0", 1, DmaProtection.Stage1);
        Assert.True(dma.TryMapSingle(Cpu, device, Page(machine), 1500, DmaDirection.ToDevice, out DmaAddr address));
        dma.UnmapSingle(Cpu, device, address + 4096, 1500, DmaDirection.ToDevice);
        dma.UnmapSingle(Cpu, device, address, 1000, DmaDirection.ToDevice);
        dma.UnmapSingle(Cpu, device, address, 1500, DmaDirection.FromDevice);
        dma.FreeCoherent(Cpu, device, new CoherentBuffer(default, address, 1500));
        dma.Sync(device, address + 1, 10, DmaDirection.ToDevice);
        dma.Sync(device, address, 2000, DmaDirection.ToDevice);
        dma.Sync(device, address, 100, DmaDirection.FromDevice);
        dma.Sync(device, address, 100, DmaDirection.ToDevice);
        Assert.Equal(10, device.Read(address, new byte[10]));
        string at = $"[device address={address}]";
        Assert.Equal(
            [
                $"DMA-API: eth0: device driver tries to free DMA memory it has not allocated [device address={address + 4096}] [size=1500 bytes]",
                $"DMA-API: eth0: device driver frees DMA memory with different size {at} [map size=1500 bytes] [unmap size=1000 bytes]",
                $"DMA-API: eth0: device driver frees DMA memory with different direction {at} [size=1500 bytes] [mapped with DMA_TO_DEVICE] [unmapped with DMA_FROM_DEVICE]",
                $"DMA-API: eth0: device driver frees DMA memory with wrong function {at} [size=1500 bytes] [mapped as single] [unmapped as coherent]",
                $"DMA-API: eth0: device driver tries to sync DMA memory it has not allocated [device address={address + 1}] [size=10 bytes]",
                $"DMA-API: eth0: device driver syncs DMA memory outside allocated range {at} [allocation size=1500 bytes] [sync offset+size=2000]",
                $"DMA-API: eth0: device driver syncs DMA memory with different direction {at} [size=100 bytes] [mapped with DMA_TO_DEVICE] [synced with DMA_FROM_DEVICE]",
            ],
            machine.Log.Items.Select(item => item.Reason));
        Assert.False(dma.TryMapSingle(Cpu, device, new PhysAddr(0x1000), 100, DmaDirection.ToDevice, out DmaAddr none));
        Assert.Equal(DmaAddr.None, none);
        Assert.Throws<ArgumentException>(() => dma.AddDevice("eth1", 1, DmaProtection.Stage1));
    }

    [Fact]
    public void Without_SMMU_a_device_reaches_what_its_address_lines_reach()
    {
        using Machine machine = Boot(hasSmmu: false);
        DmaDevice device = machine.Kernel.Dma.AddDevice("isa0", 0, DmaProtection.Bypass, addressBits: 24);
        Assert.False(machine.Kernel.Dma.TryMapSingle(Cpu, device, Page(machine), 64, DmaDirection.ToDevice, out _));
        Assert.Contains("overflow", machine.Log.Items[0].Reason, StringComparison.Ordinal);
        Assert.Equal(0, device.Read(new DmaAddr(Page(machine).ToUInt64()), new byte[4]));
        Assert.Throws<ArgumentException>(() => machine.Kernel.Dma.AddDevice("eth1", 1, DmaProtection.Stage1));
    }

    private static ulong FreePages(Machine machine) => machine.Pages.Zones.Aggregate(0UL, (sum, zone) => sum + zone.FreePages);

    private static PhysAddr Page(Machine machine)
    {
        Assert.True(machine.Pages.TryAllocate(Cpu, Order.Zero, GfpFlags.Kernel | GfpFlags.Zero, out Pfn pfn));
        return pfn.Address;
    }

    private static Machine Boot(bool hasSmmu = true) => new(new MachineOptions
    {
        MemoryBytes = 64UL << 20,
        KernelMap = new KernelMapOptions { Rodata = RodataMode.On },
        Smmu = hasSmmu ? new SmmuOptions() : null,
    });
}
