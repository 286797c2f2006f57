using Engine.Arm64;
using Engine.Arm64.Kernel;
using Engine.Arm64.Kernel.Dma;
using Engine.Arm64.Kernel.Map;
using Engine.Arm64.Kernel.Smmu;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Units;
using Xunit;

namespace Engine.PropertyTests.Kernel;

/// <summary>What the kernel's bookkeeping takes: each part moves with what it is for, and all parts are the whole.</summary>
public sealed class MetadataTests
{
    private static readonly CpuId Cpu = new(0);

    [Fact]
    public void Parts_follow_their_causes()
    {
        using Machine machine = new(new MachineOptions
        {
            MemoryBytes = 64UL << 20,
            KernelMap = new KernelMapOptions { Rodata = RodataMode.On },
            Smmu = new SmmuOptions(),
        });
        Process process = machine.CreateProcess("test");
        machine.Cpus[0].SwitchTo(process);
        MetadataSummary before = machine.SummarizeMetadata();
        Assert.Equal(machine.GetMetadata().Aggregate(0UL, (sum, part) => sum + part.Bytes), before.TotalBytes);
        Assert.Equal(((64UL << 20) / 4096 * 64) + ((64UL << 20) / 4096), before.FrameTableBytes);

        VirtAddr heap = process.Memory.Map(Cpu, default, 64UL << 20, MemoryProtection.Read, MapFlags.Private | MapFlags.Anonymous, MappedFile.None, 0).Address;
        for (ulong offset = 0; offset < 64UL << 20; offset += 2UL << 20)
        {
            machine.Cpus[0].TryRead(heap + offset, out _);
        }

        MetadataSummary touched = machine.SummarizeMetadata();
        Assert.InRange(touched.UserTableBytes - before.UserTableBytes, 32UL * 4096, 35UL * 4096);
        Assert.Equal(before.KernelTableBytes, touched.KernelTableBytes);

        Assert.True(machine.Kernel.Vmalloc.TryAllocate(Cpu, 8UL << 20, GfpFlags.Kernel, VmallocFlags.None, 0, out _));
        MetadataSummary mapped = machine.SummarizeMetadata();
        Assert.True(mapped.KernelTableBytes >= touched.KernelTableBytes + (3 * 4096));
        Assert.True(mapped.VmallocBytes > touched.VmallocBytes + (2048 * 8));
        DmaDevice device = machine.Kernel.Dma.AddDevice("eth0", 1, DmaProtection.Stage1);
        Assert.Equal(device.TableBytes, machine.SummarizeMetadata().KernelTableBytes - mapped.KernelTableBytes);
        Assert.DoesNotContain(machine.GetMetadata(), part => part.Name.StartsWith("kernel text", StringComparison.Ordinal));
        Assert.Contains(machine.GetMetadata(), part => part is { Name: "smmu", Bytes: > 0 });
    }
}
