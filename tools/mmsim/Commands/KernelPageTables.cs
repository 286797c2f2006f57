using Engine.Arm64;
using Engine.Arm64.Kernel.Map;
using Engine.Core.Units;
using Mmsim.Cli;

namespace Mmsim.Commands;

/// <summary><c>mmsim proc kernel_page_tables</c>: the kernel's map of a freshly booted machine, as ptdump prints it.</summary>
internal static class KernelPageTables
{
    /// <summary>The file's name; on a real machine it is in debugfs.</summary>
    public const string Name = "kernel_page_tables";

    /// <summary>Boots a machine and formats its map.</summary>
    /// <param name="memory">RAM.</param>
    /// <param name="cpuCount">CPUs.</param>
    /// <param name="rodata">full, on or off.</param>
    /// <exception cref="InputException">An option makes no machine.</exception>
    public static string Format(string memory, int cpuCount, string rodata)
    {
        RodataMode mode = rodata switch
        {
            "full" => RodataMode.Full,
            "on" => RodataMode.On,
            "off" => RodataMode.Off,
            _ => throw new InputException($"--rodata: '{rodata}'", "full, on or off"),
        };
        ulong bytes = SizeText.ParseMemory(memory, "--memory", Order.PageBlock.LengthBytes);
        try
        {
            using Machine machine = new(new MachineOptions { MemoryBytes = bytes, CpuCount = MachineArguments.ParseCpus(cpuCount), KernelMap = new KernelMapOptions { Rodata = mode } });
            machine.Kernel.Map.FreeInit(machine.Cpus[0].Id);
            return machine.Kernel.FormatPageTables();
        }
        catch (Exception error) when (error is ArgumentException or InsufficientMemoryException)
        {
            throw new InputException($"--memory {memory}, --cpus {cpuCount}: {error.Message}", "a larger machine");
        }
    }
}
