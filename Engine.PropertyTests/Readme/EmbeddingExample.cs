using Engine.Arm64;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;

namespace Engine.PropertyTests.Readme;

/// <summary>The README's example, as the compiler sees it. What stands between the marks is the README's text.</summary>
internal static class EmbeddingExample
{
    public static void Run(TextWriter output)
    {
        // <example>
        using Machine machine = new(new MachineOptions { MemoryBytes = 256 << 20, CpuCount = 2 });
        Process process = machine.CreateProcess("demo");
        Cpu cpu = machine.Cpus[0];
        cpu.SwitchTo(process);

        const MemoryProtection ReadWrite = MemoryProtection.Read | MemoryProtection.Write;
        VirtAddr heap = process.Memory.Map(cpu.Id, default, 1 << 20, ReadWrite, MapFlags.Private | MapFlags.Anonymous, MappedFile.None, 0).Address;
        cpu.TryWrite(heap + 4096, 42);
        cpu.TryRead(heap + 4096, out byte value);
        output.WriteLine($"{value} after {process.Faults.Minor} fault, {process.ResidentPages} page resident, {process.Tables.PageTablePages} page tables");
        // </example>
    }
}
