using System.Text;
using Engine.Arm64;
using Engine.Arm64.Faults;
using Engine.Arm64.Kernel;
using Engine.Arm64.Kernel.Access;
using Engine.Arm64.Kernel.Map;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Diagnostics;
using Engine.Core.Slab;
using Engine.Core.Units;
using Engine.PropertyTests.Support;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.Kernel;

/// <summary>Copies between kernel and user space against a byte array with holes and read-only pages.</summary>
public sealed class UserCopyTests
{
    private const int Pages = 12;
    private const MemoryProtection ReadWrite = MemoryProtection.Read | MemoryProtection.Write;

    [Fact]
    public void Copies_agree_with_a_byte_array_and_stop_where_the_process_may_not_go() =>
        ModelProperty.Check(Step(), steps => Run(steps, plantsBug: false), tests: 30, length: 60);

    [Fact]
    public void A_copy_that_ignores_protection_is_seen() =>
        ModelProperty.MustFail(Step(), steps => Run(steps, plantsBug: true), tests: 30, length: 60);

    [Fact]
    public void Kernel_addresses_are_refused_before_anything_is_touched()
    {
        using Machine machine = Boot(out Cpu cpu, out _);
        UserCopy user = machine.Kernel.User;
        VirtAddr kernel = machine.Kernel.Map.ToLinear(machine.Memory.Start + (40UL << 20));
        byte[] bytes = [1, 2, 3];
        Assert.Equal(3UL, user.CopyToUser(cpu, kernel, bytes));
        Assert.Equal(3UL, user.CopyFromUser(cpu, bytes, kernel));
        Assert.Equal([0, 0, 0], bytes);
        Assert.Equal(Errno.EFAULT, user.PutUser(cpu, kernel, 1));
        Assert.Equal(Errno.EFAULT, user.GetUser(cpu, kernel, out int _));
        Assert.Equal(4096UL, user.ClearUser(cpu, kernel, 4096));
        Assert.Equal(Errno.EFAULT, user.StrncpyFromUser(cpu, bytes, kernel).Errno);
        Assert.False(UserCopy.IsUserRange(new VirtAddr((1UL << 48) - 4), 5));
        Assert.True(UserCopy.IsUserRange(new VirtAddr((1UL << 48) - 4), 4));
        Assert.False(UserCopy.IsUserRange(new VirtAddr(8), ulong.MaxValue));
        Assert.Equal(0, machine.Log.Count);
    }

    [Fact]
    public void Faults_are_taken_for_the_process_and_tags_are_ignored()
    {
        using Machine machine = Boot(out Cpu cpu, out Process process);
        VirtAddr heap = Map(process, Pages * 4096UL, ReadWrite);
        VirtAddr tagged = new(heap.ToUInt64() | (0x5aUL << 56));
        Assert.Equal(0UL, machine.Kernel.User.CopyToUser(cpu, tagged, new byte[3 * 4096]));
        Assert.Equal((3UL, 3UL, 0UL), (process.Faults.Minor, process.ResidentPages, process.Faults.Signals));
        Assert.Equal(4096UL, machine.Kernel.User.ClearUser(cpu, heap + ((Pages - 1) * 4096UL), 8192));
        Assert.Equal((4UL, 0UL), (process.Faults.Minor, process.Faults.Signals));
        Assert.Equal(Errno.None, machine.Kernel.User.PutUser(cpu, heap + 4094, 0x11223344));
        Assert.Equal((FaultResult.Minor, (byte)0x22), (cpu.TryRead(heap + 4096, out byte middle), middle));
        Assert.Equal((Errno.None, 0x11223344), (machine.Kernel.User.GetUser(cpu, heap + 4094, out int value), value));
    }

    [Fact]
    public void Strings_end_at_their_zero_or_at_the_limit()
    {
        using Machine machine = Boot(out Cpu cpu, out Process process);
        UserCopy user = machine.Kernel.User;
        VirtAddr heap = Map(process, 8192, ReadWrite);
        VirtAddr text = heap + 4093;
        user.CopyToUser(cpu, text, Encoding.ASCII.GetBytes("kernel\0"));
        byte[] buffer = new byte[10];
        Assert.Equal(6UL, user.StrncpyFromUser(cpu, buffer, text).Value);
        Assert.Equal("kernel", Encoding.ASCII.GetString(buffer, 0, 6));
        Assert.Equal(4UL, user.StrncpyFromUser(cpu, buffer.AsSpan(0, 4), text).Value);
        Assert.Equal((7L, 5L), (user.StrnlenUser(cpu, text, 100), user.StrnlenUser(cpu, text, 4)));
        user.CopyToUser(cpu, heap + 8190, "ab"u8);
        Assert.Equal(Errno.EFAULT, user.StrncpyFromUser(cpu, buffer, heap + 8190).Errno);
        Assert.Equal(0L, user.StrnlenUser(cpu, heap + 8190, 10));
    }

    [Fact]
    public void A_copy_must_stay_in_its_object()
    {
        using Machine machine = Boot(out Cpu cpu, out Process process);
        KernelMemory kernel = machine.Kernel;
        SlabSystem slabs = SlabSystem.Of(machine.Pages);
        VirtAddr heap = Map(process, 1 << 20, ReadWrite);
        Assert.True(slabs.Kmalloc.TryAllocate(cpu.Id, 64, GfpFlags.Kernel, out PhysAddr small));
        Assert.True(kernel.Vmalloc.TryAllocate(cpu.Id, 8192, GfpFlags.Kernel, VmallocFlags.None, 0, out VirtAddr area));
        Assert.True(machine.Pages.TryAllocate(cpu.Id, new Order(1), GfpFlags.Kernel | GfpFlags.Comp, out Pfn compound));
        VirtAddr linear = kernel.Map.ToLinear(small);
        Assert.Equal(0UL, kernel.User.CopyToUser(cpu, heap, linear, 64));
        Assert.Equal(0UL, kernel.User.CopyFromUser(cpu, area + 10, heap, 8000));
        Assert.Equal(100UL, kernel.User.CopyToUser(cpu, heap, linear, 100));
        Assert.Equal(60UL, kernel.User.CopyFromUser(cpu, linear + 8, heap, 60));
        Assert.Equal(16UL, kernel.User.CopyToUser(cpu, heap, kernel.Map.ToLinear(process.Memory.Address), 16));
        Assert.Equal(20_000UL, kernel.User.CopyToUser(cpu, heap, area, 20_000));
        Assert.Equal(9000UL, kernel.User.CopyToUser(cpu, heap, kernel.Map.ToLinear(compound.Address), 9000));
        Assert.Equal(8UL, kernel.User.CopyFromUser(cpu, kernel.Map.Image.Text.Start, heap, 8));
        Assert.Equal(8UL, kernel.User.CopyToUser(cpu, heap, new VirtAddr(8), 8));
        Assert.Equal(
            [
                "usercopy: Kernel memory exposure attempt detected from SLUB object 'kmalloc-64' (offset 0, size 100)!",
                "usercopy: Kernel memory overwrite attempt detected to SLUB object 'kmalloc-64' (offset 8, size 60)!",
                "usercopy: Kernel memory exposure attempt detected from SLUB object 'mm_struct' (offset 0, size 16)!",
                "usercopy: Kernel memory exposure attempt detected from vmalloc (offset 0, size 20000)!",
                "usercopy: Kernel memory exposure attempt detected from page alloc (offset 0, size 9000)!",
                "usercopy: Kernel memory overwrite attempt detected to kernel text (offset 0, size 8)!",
                "usercopy: Kernel memory exposure attempt detected from null address (offset 8, size 8)!",
            ],
            machine.Log.Items.Select(item => item.Reason));
        Assert.All(machine.Log.Items, item => Assert.Equal(CorruptionCategory.KernelAccess, item.Category));
    }

    [Fact]
    public void Copies_take_no_managed_memory()
    {
        using Machine machine = Boot(out Cpu cpu, out Process process);
        VirtAddr heap = Map(process, 64 * 4096, ReadWrite);
        byte[] bytes = new byte[8192];
        UserCopy user = machine.Kernel.User;
        ulong offset = 0;
        Assert.Equal(0, HostAllocations.LeastOf(() =>
        {
            offset = (offset + 8192) & ((32 * 4096) - 1);
            user.CopyToUser(cpu, heap + offset + 100, bytes);
            user.CopyFromUser(cpu, bytes, heap + offset);
        }));
    }

    private static Gen<(int Kind, int Offset, int Length)> Step() =>
        from kind in Gen.Choose(0, 5)
        from offset in Gen.Choose(-5000, (Pages * 4096) + 5000)
        from length in Gen.Frequency((2, Gen.Choose(0, 64)), (2, Gen.Choose(0, 3 * 4096)))
        select (kind, offset, length);

    // Pages by number modulo 4: writable, read-only, writable, not mapped.
    private static void Run(IReadOnlyList<(int Kind, int Offset, int Length)> steps, bool plantsBug)
    {
        using Machine machine = Boot(out Cpu cpu, out Process process);
        VirtAddr start = Map(process, Pages * 4096UL, ReadWrite);
        for (int page = 0; page < Pages; page++)
        {
            VirtAddr address = start + ((ulong)page * 4096);
            if (page % 4 == 1)
            {
                process.Memory.Protect(cpu.Id, address, 4096, MemoryProtection.Read);
            }
            else if (page % 4 == 3)
            {
                process.Memory.Unmap(cpu.Id, address, 4096);
            }
        }

        byte[] model = new byte[Pages * 4096];
        byte stamp = 1;
        foreach ((int kind, int offset, int length) in steps)
        {
            VirtAddr address = new(unchecked(start.ToUInt64() + (ulong)offset));
            bool isWrite = kind < 4;
            int reach = ReachOf(offset, length, isWrite);
            ulong left;
            if (isWrite)
            {
                byte[] bytes = [.. Enumerable.Range(0, length).Select(i => (byte)((i * 3) + stamp))];
                left = kind == 3 ? machine.Kernel.User.ClearUser(cpu, address, (ulong)length) : machine.Kernel.User.CopyToUser(cpu, address, bytes);
                for (int i = 0; i < reach; i++)
                {
                    model[offset + i] = kind == 3 ? (byte)0 : bytes[i];
                }

                if (plantsBug && reach < length && (offset + reach) / 4096 % 4 == 1 && process.Tables.Read(address + (ulong)reach) is { IsPresent: true } entry)
                {
                    machine.Memory.TryWrite(entry.OutputAddress + (ulong)((offset + reach) % 4096), (byte)0x77);
                }
            }
            else
            {
                byte[] bytes = new byte[length];
                Array.Fill(bytes, (byte)0xee);
                left = machine.Kernel.User.CopyFromUser(cpu, bytes, address);
                byte[] expected = [.. Enumerable.Range(0, length).Select(i => i < reach ? model[offset + i] : (byte)0)];
                Assert.Equal(expected, bytes);
            }

            Assert.Equal((ulong)(length - reach), left);
            stamp++;
        }

        Assert.Equal((0UL, 0L), (process.Faults.Signals, machine.Log.Count));
    }

    // How many bytes from an offset on can be copied.
    private static int ReachOf(int offset, int length, bool isWrite)
    {
        int reach = 0;
        while (reach < length)
        {
            int at = offset + reach;
            int page = at >> 12;
            if (at < 0 || page >= Pages || page % 4 == 3 || (isWrite && page % 4 == 1))
            {
                break;
            }

            reach = Math.Min(length, (((page + 1) << 12) - offset));
        }

        return reach;
    }

    private static VirtAddr Map(Process process, ulong lengthBytes, MemoryProtection protection) =>
        process.Memory.Map(new CpuId(0), new VirtAddr(0x10_0000_0000), lengthBytes, protection, MapFlags.Private | MapFlags.Anonymous, MappedFile.None, 0).Address;

    private static Machine Boot(out Cpu cpu, out Process process)
    {
        Machine machine = new(new MachineOptions { MemoryBytes = 64UL << 20, KernelMap = new KernelMapOptions { Rodata = RodataMode.On } });
        cpu = machine.Cpus[0];
        process = machine.CreateProcess("test");
        cpu.SwitchTo(process);
        return machine;
    }
}
