using Engine.Arm64;
using Engine.Arm64.Faults;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Units;
using Mmsim.Fuzz;
using Xunit;

namespace Engine.PropertyTests.Processes;

/// <summary>Real threads, each with a simulated CPU and processes of its own; at the end every frame must be accounted for.</summary>
public sealed class ProcessThreadTests
{
    private const MemoryProtection ReadWrite = MemoryProtection.Read | MemoryProtection.Write;
    private const int Cpus = 4;
    private const int Rounds = 15;
    private const int StepsPerProcess = 400;

    /// <summary>Each thread maps, touches, protects, moves and unmaps in processes that it makes, forks and ends.</summary>
    [Fact]
    public void Threads_with_their_own_processes_lose_nothing()
    {
        using Machine machine = new(new MachineOptions { MemoryBytes = 256 << 20, CpuCount = Cpus });
        List<Exception> errors = [];
        Thread[] threads = [.. Enumerable.Range(0, Cpus).Select(number => new Thread(() => Guard(errors, () => Work(machine, number))))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.Empty(errors);
        Assert.Empty(machine.Log.Items);
        Assert.Empty(machine.VerifyMappings());
        Assert.Empty(machine.VerifyReclaim());
        Assert.Empty(machine.Pages.Verify());
        Assert.Empty(machine.Processes);
    }

    private static void Guard(List<Exception> errors, Action work)
    {
        try
        {
            work();
        }
        catch (Exception error)
        {
            lock (errors)
            {
                errors.Add(error);
            }
        }
    }

    private static void Work(Machine machine, int number)
    {
        SplitMix64 random = new((ulong)number + 1);
        Cpu cpu = machine.Cpus[number];
        for (int round = 0; round < Rounds; round++)
        {
            Process process = machine.CreateProcess(cpu.Id, $"p{number}.{round}");
            Use(cpu, process, random, mayFork: true);
            process.Exit(cpu.Id);
        }
    }

    // What a page holds is written by this thread alone: each process sees its own bytes, or zero.
    private static void Use(Cpu cpu, Process process, SplitMix64 random, bool mayFork)
    {
        const ulong LengthMax = 64UL * Pfn.PageSizeBytes;
        cpu.SwitchTo(process);
        List<VirtAddr> starts = [];
        for (int step = 0; step < StepsPerProcess; step++)
        {
            ulong length = (1 + (ulong)random.Below(64)) * Pfn.PageSizeBytes;
            VirtAddr start = starts.Count > 0 ? starts[random.Below(starts.Count)] : default;
            VirtAddr page = start + ((ulong)random.Below(64) * Pfn.PageSizeBytes);
            switch (random.Below(starts.Count < 4 ? 1 : 12))
            {
                case 0 when starts.Count < 40:
                    SyscallResult mapped = process.Memory.Map(cpu.Id, default, LengthMax, ReadWrite, MapFlags.Private | MapFlags.Anonymous, MappedFile.None, 0);
                    Assert.False(mapped.IsError);
                    starts.Add(mapped.Address);
                    break;
                case 1:
                    process.Memory.Unmap(cpu.Id, page, length);
                    break;
                case 2:
                    process.Memory.Protect(cpu.Id, page, Pfn.PageSizeBytes, random.Below(2) == 0 ? MemoryProtection.Read : ReadWrite);
                    break;
                case 3:
                    process.Memory.Advise(cpu.Id, page, length, MemoryAdvice.DontNeed);
                    break;
                case 4 when mayFork && random.Below(8) == 0:
                    Process? child = process.Fork(cpu.Id, process.Name);
                    Assert.NotNull(child);
                    Use(cpu, child, random, mayFork: false);
                    child.Exit(cpu.Id);
                    cpu.SwitchTo(process);
                    break;
                case 5:
                    cpu.TryRead(page, out _);
                    break;
                default:
                    byte value = (byte)(1 + random.Below(255));
                    if (cpu.TryWrite(page, value) <= FaultResult.Major)
                    {
                        Assert.True(cpu.TryRead(page, out byte seen) <= FaultResult.Major);
                        Assert.Equal(value, seen);
                    }

                    break;
            }
        }
    }
}
