using Engine.Arm64;
using Engine.Arm64.Faults;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Bench.Harness;
using Engine.Core.Units;

namespace Engine.Bench.Faults;

/// <summary>The engine's side: each thread drives a process of its own on a CPU of its own.</summary>
internal sealed class FaultWorkload : IWorkload
{
    private const ulong PageBytes = Pfn.PageSizeBytes;
    private const ulong MemoryFactor = 5;
    private const ulong Furniture = 22;
    private const MemoryProtection ReadWrite = MemoryProtection.Read | MemoryProtection.Write;
    private const MapFlags Anonymous = MapFlags.Private | MapFlags.Anonymous;

    private readonly Machine machine;
    private readonly string workload;
    private readonly int pages;
    private readonly ulong regionBytes;
    private readonly Process[] processes;
    private readonly Process?[] children;
    private readonly VirtAddr[] regions;
    private readonly long[] allocatedBytes;

    /// <summary>Boots a machine.</summary>
    /// <param name="workload">One of the suite's names.</param>
    /// <param name="pages">Pages, or calls, of a round.</param>
    /// <param name="threads">How many threads.</param>
    public FaultWorkload(string workload, int pages, int threads)
    {
        this.workload = workload;
        this.pages = pages;
        regionBytes = (workload is "mmap-munmap" or "mprotect" ? 3 : (ulong)pages) * PageBytes;
        machine = new Machine(new MachineOptions { MemoryBytes = (ulong)(threads * pages) * PageBytes * MemoryFactor, CpuCount = threads });
        processes = [.. Enumerable.Range(0, threads).Select(thread => machine.CreateProcess("bench"))];
        children = new Process?[threads];
        regions = new VirtAddr[threads];
        allocatedBytes = new long[threads];
        for (int thread = 0; thread < threads; thread++)
        {
            machine.Cpus[thread].SwitchTo(processes[thread]);
            Furnish(thread);
        }

        Warm();
    }

    /// <summary>Managed bytes that the latest round allocated, all threads together.</summary>
    public long AllocatedBytes => allocatedBytes.Sum();

    /// <inheritdoc/>
    public void Prepare(int thread)
    {
        Cpu cpu = machine.Cpus[thread];
        MemoryMap memory = processes[thread].Memory;
        children[thread]?.Exit(cpu.Id);
        children[thread] = null;
        if (regions[thread] != default)
        {
            Require(!memory.Unmap(cpu.Id, regions[thread], regionBytes).IsError);
        }

        regions[thread] = memory.Map(cpu.Id, default, regionBytes, ReadWrite, Anonymous, MappedFile.None, 0).Address;
        Require(!memory.Advise(cpu.Id, regions[thread], regionBytes, MemoryAdvice.NoHugePage).IsError);
        if (workload is not ("anon-write" or "zero-read"))
        {
            WriteAll(cpu, regions[thread]);
        }

        if (workload == "cow")
        {
            children[thread] = processes[thread].Fork(cpu.Id, "child");
        }
    }

    /// <inheritdoc/>
    public long Run(int thread)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        Cpu cpu = machine.Cpus[thread];
        MemoryMap memory = processes[thread].Memory;
        VirtAddr region = regions[thread];
        switch (workload)
        {
            case "anon-write" or "cow":
                WriteAll(cpu, region);
                break;
            case "zero-read":
                ReadAll(cpu, region);
                break;
            case "mmap-munmap":
                for (int i = 0; i < pages; i++)
                {
                    VirtAddr one = memory.Map(cpu.Id, default, PageBytes, ReadWrite, Anonymous, MappedFile.None, 0).Address;
                    Require(!memory.Unmap(cpu.Id, one, PageBytes).IsError);
                }

                break;
            case "mprotect":
                for (int i = 0; i < pages; i++)
                {
                    Require(!memory.Protect(cpu.Id, region + PageBytes, PageBytes, MemoryProtection.Read).IsError);
                    Require(!memory.Protect(cpu.Id, region + PageBytes, PageBytes, ReadWrite).IsError);
                }

                break;
            default:
                children[thread] = processes[thread].Fork(cpu.Id, "child");
                break;
        }

        allocatedBytes[thread] = GC.GetAllocatedBytesForCurrentThread() - before;
        return pages;
    }

    /// <inheritdoc/>
    public void Dispose() => machine.Dispose();

    // Frames that the host has not backed yet would measure the host: nearly all of them are touched once.
    private void Warm()
    {
        Cpu cpu = machine.Cpus[0];
        MemoryMap memory = processes[0].Memory;
        ulong bytes = (ulong)(processes.Length * pages) * PageBytes * (MemoryFactor - 1);
        VirtAddr all = memory.Map(cpu.Id, default, bytes, ReadWrite, Anonymous, MappedFile.None, 0).Address;
        for (ulong at = 0; at < bytes; at += PageBytes)
        {
            Require(cpu.TryWrite(all + at, (byte)1) <= FaultResult.Major);
        }

        Require(!memory.Unmap(cpu.Id, all, bytes).IsError);
    }

    // The mappings of a small program with its libraries, as the kernel's side has them: alternating, so that none joins its neighbour.
    private void Furnish(int thread)
    {
        for (ulong i = 0; i < Furniture; i++)
        {
            MemoryProtection protection = i % 2 == 0 ? MemoryProtection.Read : ReadWrite;
            Require(!processes[thread].Memory.Map(machine.Cpus[thread].Id, default, 4 * PageBytes, protection, Anonymous, MappedFile.None, 0).IsError);
        }
    }

    private void WriteAll(Cpu cpu, VirtAddr region)
    {
        for (ulong at = 0; at < regionBytes; at += PageBytes)
        {
            Require(cpu.TryWrite(region + at, (byte)1) <= FaultResult.Major);
        }
    }

    private void ReadAll(Cpu cpu, VirtAddr region)
    {
        for (ulong at = 0; at < regionBytes; at += PageBytes)
        {
            Require(cpu.TryRead(region + at, out byte _) <= FaultResult.Major);
        }
    }

    private static void Require(bool isTrue)
    {
        if (!isTrue)
        {
            throw new InvalidOperationException("a step that must succeed was refused");
        }
    }
}
