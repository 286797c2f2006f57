using Engine.Arm64;
using Engine.Arm64.Faults;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.PageCache;

namespace Engine.PropertyTests.Readme;

/// <summary>The README's example of a fault that waits, after the embedding example.</summary>
internal static class WaitingExample
{
    public static void Run(TextWriter output)
    {
        using Machine machine = new(new MachineOptions { MemoryBytes = 256 << 20, CpuCount = 2 });
        Process process = machine.CreateProcess("demo");
        Cpu cpu = machine.Cpus[0];
        cpu.SwitchTo(process);

        // <example>
        OpenFile file = machine.OpenFile("/data", new SynthesizedBacking(seed: 7, 1 << 20));
        VirtAddr data = process.Memory.Map(cpu.Id, default, 1 << 20, MemoryProtection.Read, MapFlags.Private, file.ToMappedFile(), 0).Address;
        process.BlocksOnInput = true;
        FaultResult first = cpu.TryRead(data, out _);
        FaultResult completed = process.CompleteFault(cpu.Id);
        FaultResult again = cpu.TryRead(data, out _);
        output.WriteLine($"{first}, {completed}, {again}; waits for {process.WaitsFor}");
        // </example>
    }
}
