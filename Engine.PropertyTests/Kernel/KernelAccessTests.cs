using Engine.Arm64;
using Engine.Arm64.Kernel.Map;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Diagnostics;
using Engine.Core.Units;
using Xunit;

namespace Engine.PropertyTests.Kernel;

/// <summary>Accesses at EL1: PAN keeps the kernel off user memory, the linear map does not.</summary>
public sealed class KernelAccessTests
{
    private const MemoryProtection ReadWrite = MemoryProtection.Read | MemoryProtection.Write;

    [Fact]
    public void A_mapped_user_page_is_out_of_reach_under_PAN()
    {
        using Machine machine = Boot(out Cpu cpu, out Process process);
        VirtAddr heap = Map(process, ReadWrite);
        cpu.TryWrite(heap, 42);
        Assert.False(machine.Kernel.Access.TryRead(cpu, heap, out byte _));
        Assert.False(machine.Kernel.Access.TryWrite(cpu, heap, (byte)1));
        string oops = $"Unable to handle kernel access to user memory outside uaccess routines at virtual address {heap.ToUInt64():x16}";
        Assert.Equal([oops, oops], machine.Log.Items.Select(item => item.Reason));
        Assert.Contains(oops + "\n", machine.Kernel.Printed);
        Assert.Equal((Engine.Arm64.Faults.FaultResult.Minor, (byte)42), (cpu.TryRead(heap, out byte value), value));
    }

    [Fact]
    public void An_untouched_user_page_is_faulted_in_before_PAN_strikes()
    {
        using Machine machine = Boot(out Cpu cpu, out Process process);
        VirtAddr heap = Map(process, ReadWrite);
        Assert.False(machine.Kernel.Access.TryWrite(cpu, heap, 1));
        Assert.Equal((1UL, 1UL, 0UL), (process.Faults.Minor, process.ResidentPages, process.Faults.Signals));
        Assert.Contains("outside uaccess routines", machine.Log.Items[0].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void User_text_is_not_executed_and_bad_addresses_have_their_words()
    {
        using Machine machine = Boot(out Cpu cpu, out Process process);
        VirtAddr text = Map(process, MemoryProtection.Read | MemoryProtection.Exec);
        cpu.TryRead(text, out _);
        Assert.False(machine.Kernel.Access.TryFetch(cpu, text));
        Assert.False(machine.Kernel.Access.TryRead(cpu, new VirtAddr(8), out int _));
        Assert.False(machine.Kernel.Access.TryRead(cpu, new VirtAddr(0x10_0000), out int _));
        Assert.False(machine.Kernel.Access.TryRead(cpu, new VirtAddr(0xffff_9000_0000_0000), out int _));
        KernelImage image = machine.Kernel.Map.Image;
        Assert.False(machine.Kernel.Access.TryWrite(cpu, image.Text.Start, 0));
        Assert.False(machine.Kernel.Access.TryFetch(cpu, image.Data.Start));
        Assert.True(machine.Kernel.Access.TryFetch(cpu, image.Text.Start));
        Assert.Equal(
            [
                $"Unable to handle kernel execution of user memory at virtual address {text.ToUInt64():x16}",
                "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000008",
                "Unable to handle kernel paging request at virtual address 0000000000100000",
                "Unable to handle kernel paging request at virtual address ffff900000000000",
                "Unable to handle kernel write to read-only memory at virtual address ffff800080010000",
                $"Unable to handle kernel execute from non-executable memory at virtual address {image.Data.Start.ToUInt64():x16}",
            ],
            machine.Log.Items.Select(item => item.Reason));
    }

    [Fact]
    public void The_linear_map_bypasses_what_a_process_allows_and_is_watched_on_request()
    {
        using Machine machine = Boot(out Cpu cpu, out Process process);
        VirtAddr page = Map(process, ReadWrite);
        cpu.TryWrite(page, 1);
        process.Memory.Protect(cpu.Id, page, 4096, MemoryProtection.Read);
        VirtAddr alias = machine.Kernel.Map.ToLinear(process.Tables.Read(page).OutputAddress);
        Assert.Equal(Engine.Arm64.Faults.FaultResult.SegvAccErr, cpu.TryWrite(page, 9));
        Assert.True(machine.Kernel.Access.TryWrite(cpu, alias, (byte)9));
        cpu.TryRead(page, out byte seen);
        Assert.Equal((9, 0L), (seen, machine.Log.Count));

        machine.Kernel.Access.ReportsLinearAccessToUserPages = true;
        Assert.True(machine.Kernel.Access.TryRead(cpu, alias, out byte _));
        Assert.Equal(
            (CorruptionCategory.KernelAccess, "access to a user page through the linear map", alias.ToUInt64()),
            (machine.Log.Items[0].Category, machine.Log.Items[0].Reason, machine.Log.Items[0].Found));

        // The kernel's own pages are what the linear map is for.
        Assert.True(machine.Kernel.Access.TryRead(cpu, machine.Kernel.Map.ToLinear(process.Memory.Address), out ulong _));
        Assert.Equal(1, machine.Log.Count);
    }

    [Fact]
    public void A_hole_in_memory_is_a_hole_for_the_kernel()
    {
        using Machine machine = Boot(out Cpu cpu, out _);
        Assert.False(machine.Kernel.Access.TryRead(cpu, machine.Kernel.Map.ToLinear(machine.Memory.End), out int _));
        Assert.StartsWith("Unable to handle kernel paging request", machine.Log.Items[0].Reason, StringComparison.Ordinal);
    }

    private static VirtAddr Map(Process process, MemoryProtection protection) =>
        process.Memory.Map(new CpuId(0), default, 1 << 20, protection, MapFlags.Private | MapFlags.Anonymous, MappedFile.None, 0).Address;

    private static Machine Boot(out Cpu cpu, out Process process)
    {
        Machine machine = new(new MachineOptions { MemoryBytes = 64UL << 20, KernelMap = new KernelMapOptions { Rodata = RodataMode.On } });
        cpu = machine.Cpus[0];
        process = machine.CreateProcess("test");
        cpu.SwitchTo(process);
        return machine;
    }
}
