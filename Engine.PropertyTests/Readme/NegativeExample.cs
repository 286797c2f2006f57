using Engine.Arm64;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Diagnostics;
using Engine.Core.Units;

namespace Engine.PropertyTests.Readme;

/// <summary>The README's negative test, as the compiler sees it. What stands between the marks is the README's text.</summary>
internal static class NegativeExample
{
    public static void Run(TextWriter output)
    {
        using Machine machine = new(new MachineOptions { MemoryBytes = 256 << 20, CpuCount = 2 });
        Process process = machine.CreateProcess("demo");
        Cpu cpu = machine.Cpus[0];
        cpu.SwitchTo(process);
        const MemoryProtection ReadWrite = MemoryProtection.Read | MemoryProtection.Write;
        VirtAddr heap = process.Memory.Map(cpu.Id, default, 1 << 20, ReadWrite, MapFlags.Private | MapFlags.Anonymous, MappedFile.None, 0).Address;
        cpu.TryWrite(heap + 4096, 42);

        // <example>
        Pfn frame = process.Tables.Read(heap + 4096).Pfn;
        machine.Pages.Frames[frame].MapCount ^= 1;
        foreach (Corruption found in machine.VerifyMappings())
        {
            output.WriteLine($"{found.Category}: {found.Reason}");
        }

        PhysAddr entry = process.Tables.Root.Address + ((heap.ToUInt64() >> 39 & 511) * 8);
        machine.Memory.GetSpan(entry, 8)[5] ^= 0x40;
        process.Memory.Unmap(cpu.Id, heap, 1 << 20);
        foreach (Corruption found in machine.Log.Items)
        {
            output.WriteLine($"{found.Category}: {found.Reason}");
        }
        // </example>
    }
}
