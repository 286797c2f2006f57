// The machine's /proc: the physical side's files from Engine.Core, what the virtual side adds, and a folder for each process.

using System.Globalization;
using Engine.Arm64.Procfs;
using Engine.Core.Diagnostics.Procfs;
using Engine.Core.Slab;
using Engine.Core.Swap;
using Engine.Core.Units;

namespace Engine.Arm64;

/// <content><c>/proc</c>.</content>
public sealed partial class Machine
{
    private (ulong Minor, ulong Major) exitedFaults;
    private MachineProcfs? procfs;

    /// <summary>
    /// The machine's <c>/proc</c>: what <see cref="MachineProcfs"/> has, <c>slabinfo</c>, <c>vmallocinfo</c> where there is a map of the kernel, <c>kpageflags</c>, <c>kpagecount</c>, <c>stat</c>, and for each
    /// process <c>PID/maps</c>, <c>smaps</c>, <c>smaps_rollup</c>, <c>status</c>, <c>statm</c>, <c>pagemap</c>, <c>stat</c>, <c>comm</c>, <c>cmdline</c>, <c>environ</c>, <c>auxv</c>.
    /// </summary>
    public MachineProcfs Procfs => procfs ??= CreateProcfs();

    private MachineProcfs CreateProcfs()
    {
        MachineProcfs created = new(Pages);
        created.Register("slabinfo", () => SlabInfo.Format(SlabSystem.Of(Pages)));
        created.Register("kpageflags", new KernelPageFlagsFile(this));
        created.Register("kpagecount", new KernelPageCountFile(this));
        created.Register("stat", FormatStat);
        if (Kernel.HasMap)
        {
            created.Register("vmallocinfo", Kernel.Vmalloc.FormatInfo);
        }

        created.Register(new ProcessFolder(this));
        RegisterCounters(created.Counters);
        SwapProcfs.Register(created, Swap);
        return created;
    }

    private void RegisterCounters(ProcCounters counters)
    {
        FrameCensus.Register(this, counters);
        Pages.Lru.Register(counters);
        HugePageItems.Register(this, counters);
        SlabSystem slabs = SlabSystem.Of(Pages);
        counters.Register("nr_slab_reclaimable", () => slabs.ReclaimablePages);
        counters.Register("nr_slab_unreclaimable", () => slabs.UnreclaimablePages);
        counters.Register("Committed_AS", () => (ulong)Math.Max(0, Commit.CommittedPages) << (Pfn.PageShift - 10));
        counters.Register("pgfault", () => CountFaults().Minor + CountFaults().Major);
        counters.Register("pgmajfault", () => CountFaults().Major);
    }

    private (ulong Minor, ulong Major) CountFaults() => processes.Aggregate(
        exitedFaults, (sum, process) => (sum.Minor + process.Faults.Minor, sum.Major + process.Faults.Major));

    // fs/proc/stat.c show_stat. The machine has no clock and no interrupts; programs that read other files want to know the CPUs and the boot time.
    private string FormatStat()
    {
        string times = string.Concat(Enumerable.Repeat(" 0", 10)) + "\n";
        string perCpu = string.Concat(cpus.Select(cpu => string.Create(CultureInfo.InvariantCulture, $"cpu{cpu.Id.Value}{times}")));
        int running = cpus.Count(cpu => cpu.Current is not null);
        string counts = string.Create(
            CultureInfo.InvariantCulture, $"intr 0\nctxt 0\nbtime 0\nprocesses {lastPid}\nprocs_running {running}\nprocs_blocked 0\n");
        return $"cpu {times}{perCpu}{counts}softirq 0 0 0 0 0 0 0 0 0 0 0\n";
    }
}
