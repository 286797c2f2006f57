using Engine.Arm64;
using Engine.Arm64.Faults;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Bench.Harness;
using Engine.Core.Units;

namespace Engine.Bench.Faults;

/// <summary>
/// The engine's side: each thread drives a process of its own on a CPU of its own. A fork is too short for a round, so a round has
/// many, each made ready like the first; they alone are timed, as on the kernel's side.
/// </summary>
internal sealed class FaultWorkload : IWorkload
{
    private const ulong PageBytes = Pfn.PageSizeBytes;
    private const ulong MemoryFactor = 5;
    private const ulong Furniture = 22;
    private const int ForksPerRound = 20;
    private const MemoryProtection ReadWrite = MemoryProtection.Read | MemoryProtection.Write;
    private const MapFlags Anonymous = MapFlags.Private | MapFlags.Anonymous;

    private readonly Machine[] machines;
    private readonly Cpu[] cpus;
    private readonly string workload;
    private readonly int pages;
    private readonly ulong regionBytes;
    private readonly Process[] processes;
    private readonly Process?[] children;
    private readonly VirtAddr[] regions;
    private readonly long[] allocatedBytes;
    private readonly long[] forkNs;

    /// <summary>Boots a machine, or one a thread.</summary>
    /// <param name="workload">What both sides call the operation.</param>
    /// <param name="pages">Pages, or calls, of a round; of each fork.</param>
    /// <param name="threads">How many threads.</param>
    /// <param name="isApart">Whether each thread has a machine of its own: what is lost then is the host's doing.</param>
    public FaultWorkload(string workload, int pages, int threads, bool isApart = false)
    {
        this.workload = workload;
        this.pages = pages;
        regionBytes = (workload is "mmap-munmap" or "mprotect" ? 3 : (ulong)pages) * PageBytes;
        int cpuCount = isApart ? 1 : threads;
        ulong memoryBytes = (ulong)(cpuCount * pages) * PageBytes * MemoryFactor;
        machines = [.. Enumerable.Range(0, threads / cpuCount).Select(_ => new Machine(new MachineOptions { MemoryBytes = memoryBytes, CpuCount = cpuCount }))];
        cpus = [.. machines.SelectMany(machine => machine.Cpus)];
        processes = [.. Enumerable.Range(0, threads).Select(thread => machines[thread / cpuCount].CreateProcess("bench"))];
        children = new Process?[threads];
        regions = new VirtAddr[threads];
        allocatedBytes = new long[threads];
        forkNs = new long[threads];
        for (int thread = 0; thread < threads; thread++)
        {
            cpus[thread].SwitchTo(processes[thread]);
            Furnish(thread);
        }

        for (int thread = 0; thread < threads; thread += cpuCount)
        {
            Warm(cpus[thread], processes[thread].Memory, (ulong)(cpuCount * pages) * PageBytes * (MemoryFactor - 1));
        }
    }

    /// <summary>Managed bytes that the latest round allocated, all threads together.</summary>
    public long AllocatedBytes => allocatedBytes.Sum();

    /// <summary>Operations of a round, all threads together.</summary>
    public long Operations => (long)pages * processes.Length * (workload == "fork" ? ForksPerRound : 1);

    /// <inheritdoc/>
    public void Prepare(int thread)
    {
        Cpu cpu = cpus[thread];
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
        if (workload == "fork")
        {
            return RunForks(thread);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        Cpu cpu = cpus[thread];
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
            default:
                for (int i = 0; i < pages; i++)
                {
                    Require(!memory.Protect(cpu.Id, region + PageBytes, PageBytes, MemoryProtection.Read).IsError);
                    Require(!memory.Protect(cpu.Id, region + PageBytes, PageBytes, ReadWrite).IsError);
                }

                break;
        }

        allocatedBytes[thread] = GC.GetAllocatedBytesForCurrentThread() - before;
        return pages;
    }

    /// <inheritdoc/>
    public long? OwnNanoseconds(int thread) => workload == "fork" ? forkNs[thread] : null;

    /// <inheritdoc/>
    public void Dispose() => Array.ForEach(machines, machine => machine.Dispose());

    private long RunForks(int thread)
    {
        allocatedBytes[thread] = 0;
        forkNs[thread] = 0;
        for (int fork = 0; fork < ForksPerRound; fork++)
        {
            if (fork > 0)
            {
                Prepare(thread);
            }

            long bytesBefore = GC.GetAllocatedBytesForCurrentThread();
            long start = RoundClock.Now();
            children[thread] = processes[thread].Fork(cpus[thread].Id, "child");
            forkNs[thread] += RoundClock.Now() - start;
            allocatedBytes[thread] += GC.GetAllocatedBytesForCurrentThread() - bytesBefore;
        }

        return (long)pages * ForksPerRound;
    }

    // Frames that the host has not backed yet would measure the host: nearly all of them are touched once.
    private static void Warm(Cpu cpu, MemoryMap memory, ulong bytes)
    {
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
            Require(!processes[thread].Memory.Map(cpus[thread].Id, default, 4 * PageBytes, protection, Anonymous, MappedFile.None, 0).IsError);
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
