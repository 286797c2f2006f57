// A replay: boot a machine, map what the program had before the trace begins, then go through the trace. System calls
// shape the address space, accesses go through the CPU's translation unit, faults through the kernel's fault path.

using Engine.Arm64;
using Engine.Arm64.Faults;
using Engine.Arm64.Tlb;
using Engine.Arm64.Translation;
using Engine.Core.Units;
using Engine.Core.Zones;
using Mmsim.Cli;
using Mmsim.Traces;

namespace Mmsim.Replay;

/// <summary>Replays a program's trace on a simulated machine.</summary>
internal sealed class TraceReplayer : IDisposable
{
    // How often the kernel's bookkeeping is measured on the way.
    private const int SampleCount = 32;

    private readonly RecordedTrace trace;
    private readonly MachineOptions options;
    private readonly Machine machine;
    private readonly Process process;
    private readonly Cpu cpu;
    private readonly SyscallReplayer syscalls;
    private readonly IReadOnlyList<InitialRange> initial;
    private readonly List<MetadataSample> samples = [];
    private long doneCount;
    private string? endedBecause;

    /// <summary>Boots the machine and maps what existed before the trace.</summary>
    public TraceReplayer(RecordedTrace trace, MachineOptions options)
    {
        this.trace = trace;
        this.options = options;
        machine = new Machine(options);
        cpu = machine.Cpus[0];
        process = machine.CreateProcess(Path.GetFileName(trace.Name));
        cpu.SwitchTo(process);
        initial = InitialImage.Find(trace.Pages, trace.Syscalls);
        syscalls = new SyscallReplayer(process, cpu.Id, new FileDescriptors(machine, options.Seed, trace.Syscalls));
        if (syscalls.MapInitial(initial) is { IsError: true } refused)
        {
            endedBecause = $"what the program had at its start cannot be mapped: {refused.Errno}";
        }
    }

    /// <summary>The machine, as the replay leaves it.</summary>
    public Machine Machine => machine;

    /// <summary>The program's process.</summary>
    public Process Process => process;

    /// <summary>Goes through the trace to its end, or until the machine can go on no more.</summary>
    /// <param name="progress">Told from time to time how much is done, or null.</param>
    /// <param name="cancellation">Ends the replay with what was reached.</param>
    public void Run(Action<double?>? progress, CancellationToken cancellation)
    {
        using IAccessSource source = trace.OpenReader();
        long sampleEvery = Math.Max(1, trace.Counts.Total / SampleCount);
        Sample();
        while (endedBecause is null && source.TryRead(out AccessRun run))
        {
            RunSampled(run.Accesses, sampleEvery);
            if (endedBecause is null && run.Syscall is { } syscall)
            {
                syscalls.Apply(syscall);
            }

            progress?.Invoke(source.Progress);
            if (cancellation.IsCancellationRequested)
            {
                endedBecause ??= "stopped by the user";
            }
        }
    }

    // Samples are taken after the same records however the trace is cut into runs.
    private void RunSampled(ReadOnlySpan<Access> accesses, long sampleEvery)
    {
        while (!accesses.IsEmpty && endedBecause is null)
        {
            int count = (int)Math.Min(accesses.Length, samples[^1].Records + sampleEvery - doneCount);
            RunAccesses(accesses[..count]);
            accesses = accesses[count..];
            if (doneCount - samples[^1].Records >= sampleEvery)
            {
                Sample();
            }
        }
    }

    private void Sample() => samples.Add(new MetadataSample(doneCount, machine.SummarizeMetadata()));

    /// <summary>Whether the machine could not go on.</summary>
    public bool HasFailed => endedBecause is not null;

    /// <summary>What the replay showed so far.</summary>
    /// <param name="seconds">Host time that it took, reading included.</param>
    public RunResult GetResult(double seconds) => new()
    {
        Trace = trace.Name,
        Machine = $"{SizeText.Format(machine.Memory.LengthBytes)}, {options.CpuCount} CPU{(options.CpuCount == 1 ? "" : "s")}, TLB {options.Tlb}",
        Records = CountDone(),
        RecordsInTrace = trace.Counts.Total,
        EndedBecause = endedBecause,
        Syscalls = syscalls.Counts,
        Pages = trace.Pages,
        Initial = initial,
        Faults = process.Faults,
        Tlb = [.. cpu.Mmu.Statistics.Zip(options.Tlb.Levels, (seen, level) =>
            new TlbLevelResult(seen.Name, Shape(level), seen.Lookups, seen.Hits, seen.Misses))],
        Walks = cpu.Mmu.WalkCount,
        DescriptorReads = cpu.Mmu.DescriptorReadCount,
        Memory = GetMemory(),
        Corruptions = machine.Log.Count,
        Seconds = seconds,
    };

    /// <summary>Gives the machine back.</summary>
    public void Dispose() => machine.Dispose();

    private void RunAccesses(ReadOnlySpan<Access> accesses)
    {
        ReadOnlySpan<Access> rest = accesses;
        while (!rest.IsEmpty)
        {
            int count = cpu.Run(rest, out FaultResult result);
            if (count == rest.Length)
            {
                break;
            }

            if (result == FaultResult.OutOfMemory)
            {
                endedBecause = $"out of simulated memory at {rest[count]}";
                accesses = accesses[..(accesses.Length - rest.Length + count)];
                break;
            }

            // The traced program survived this access, so it is passed over: it was counted as a signal.
            rest = rest[(count + 1)..];
        }

        doneCount += accesses.Length;
    }

    // The kinds of all records are known since the first pass; only a replay that ended early needs to count.
    private RecordCounts CountDone()
    {
        RecordCounts counts = default;
        if (doneCount == trace.Counts.Total)
        {
            return trace.Counts;
        }

        using IAccessSource source = trace.OpenReader();
        for (long left = doneCount; left > 0 && source.TryRead(out AccessRun run); left -= run.Accesses.Length)
        {
            counts += RecordCounts.Of(run.Accesses[..(int)Math.Min(left, run.Accesses.Length)]);
        }

        return counts;
    }

    private MemoryResult GetMemory() => new()
    {
        TotalBytes = machine.Memory.LengthBytes,
        RssPages = process.ResidentPages,
        RssAnonymousPages = (ulong)process.Memory.State.AnonPages,
        PageTablePages = (ulong)process.Tables.PageTablePages,
        CachedPages = machine.PageCache.CachedPages,
        Metadata = [.. machine.GetMetadata()],
        MetadataSamples = [.. samples, .. doneCount == samples.LastOrDefault()?.Records ? [] : new[] { new MetadataSample(doneCount, machine.SummarizeMetadata()) }],
        FreePages = machine.Pages.Zones.Aggregate(0UL, (sum, zone) => sum + zone.FreePages),
        Buddyinfo = [.. machine.Pages.Zones.Where(zone => zone.PresentPages > 0).Select(zone =>
            new BuddyinfoRow(zone.Node, ZoneTypes.GetName(zone.Type), CountFreeBlocks(zone)))],
    };

    private static ulong[] CountFreeBlocks(Zone zone)
    {
        ulong[] byOrder = new ulong[Order.Count];
        zone.CountFreeBlocks(byOrder);
        return byOrder;
    }

    private static string Shape(TlbLevelGeometry level) =>
        level.Ways == level.Entries ? $"{level.Entries} full" : $"{level.Entries}, {level.Ways}-way";
}
