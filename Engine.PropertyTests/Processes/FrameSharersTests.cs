using Engine.Arm64;
using Engine.Arm64.Faults;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.PageCache;
using Engine.Core.Units;
using Xunit;

namespace Engine.PropertyTests.Processes;

/// <summary>Two CPUs must not change processes of one fork family at once: where they meet, one is told.</summary>
public sealed class FrameSharersTests
{
    private const MemoryProtection ReadWrite = MemoryProtection.Read | MemoryProtection.Write;

    [Fact]
    public void A_fault_in_the_middle_of_a_relatives_is_refused()
    {
        using World world = new();
        Process child = world.Parent.Fork(world.Machine.Cpus[0].Id, "child")!;
        world.Machine.Cpus[1].SwitchTo(child);
        world.Backing.OnRead = () => world.Machine.Cpus[1].TryWrite(world.Private, 2);
        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => world.Machine.Cpus[0].TryRead(world.OfFile, out _));
        Assert.Contains("CPUs 0 and 1", error.Message, StringComparison.Ordinal);

        // One after the other is right, on whichever CPU.
        world.Backing.OnRead = null;
        Assert.True(world.Machine.Cpus[1].TryWrite(world.Private, 3) <= FaultResult.Major);
        Assert.True(world.Machine.Cpus[0].TryRead(world.Private, out byte seen) <= FaultResult.Major);
        Assert.Equal(1, seen);
    }

    [Fact]
    public void A_stranger_may_fault_meanwhile()
    {
        using World world = new();
        Process stranger = world.Machine.CreateProcess("stranger");
        VirtAddr page = stranger.Memory.Map(
            world.Machine.Cpus[1].Id, default, Pfn.PageSizeBytes, ReadWrite, MapFlags.Private | MapFlags.Anonymous, MappedFile.None, 0).Address;
        world.Machine.Cpus[1].SwitchTo(stranger);
        _ = world.Parent.Fork(world.Machine.Cpus[0].Id, "child");
        FaultResult met = FaultResult.Killed;
        world.Backing.OnRead = () => met = world.Machine.Cpus[1].TryWrite(page, 2);
        Assert.Equal(FaultResult.Major, world.Machine.Cpus[0].TryRead(world.OfFile, out _));
        Assert.Equal(FaultResult.Minor, met);
    }

    /// <summary>A fault within a fault of the same CPU does not end the outer one, and a fault that failed holds nobody up.</summary>
    [Fact]
    public void A_turn_lasts_as_long_as_its_fault()
    {
        using World world = new();
        Process child = world.Parent.Fork(world.Machine.Cpus[0].Id, "child")!;
        world.Machine.Cpus[1].SwitchTo(child);
        world.Backing.OnRead = () =>
        {
            Assert.Equal(FaultResult.Minor, world.Machine.Cpus[0].TryWrite(world.Private, 4));
            world.Machine.Cpus[1].TryWrite(world.Private, 2);
        };
        Assert.Throws<InvalidOperationException>(() => world.Machine.Cpus[0].TryRead(world.OfFile, out _));
        world.Backing.OnRead = () => throw new IOException("the disk is gone");
        Assert.Throws<IOException>(() => world.Machine.Cpus[0].TryRead(world.OfFile, out _));
        Assert.True(world.Machine.Cpus[1].TryWrite(world.Private, 3) <= FaultResult.Major);
    }

    private sealed class World : IDisposable
    {
        public World()
        {
            CpuId cpu = Machine.Cpus[0].Id;
            Parent = Machine.CreateProcess("parent");
            Private = Parent.Memory.Map(cpu, default, Pfn.PageSizeBytes, ReadWrite, MapFlags.Private | MapFlags.Anonymous, MappedFile.None, 0).Address;
            OpenFile file = Machine.OpenFile("file", Backing);
            OfFile = Parent.Memory.Map(cpu, default, Pfn.PageSizeBytes, MemoryProtection.Read, MapFlags.Private, file.ToMappedFile(), 0).Address;
            Machine.Cpus[0].SwitchTo(Parent);
            Assert.Equal(FaultResult.Minor, Machine.Cpus[0].TryWrite(Private, 1));
        }

        public Machine Machine { get; } = new(new MachineOptions { MemoryBytes = 64 << 20, CpuCount = 2 });

        public CallingBacking Backing { get; } = new();

        public Process Parent { get; }

        public VirtAddr Private { get; }

        public VirtAddr OfFile { get; }

        public void Dispose() => Machine.Dispose();
    }

    // A file that does something while it is read: what another thread would do meanwhile.
    private sealed class CallingBacking : IBackingStore
    {
        public Action? OnRead { get; set; }

        public ulong LengthBytes => Pfn.PageSizeBytes;

        public bool IsPersistent => true;

        public bool ReadPage(ulong pageIndex, Span<byte> destination)
        {
            destination.Clear();
            OnRead?.Invoke();
            return true;
        }

        public bool WritePage(ulong pageIndex, ReadOnlySpan<byte> source) => true;

        public bool Resize(ulong lengthBytes) => false;

        public bool PunchHole(ulong firstPage, ulong pageCount) => false;
    }
}
