// How much memory has been promised (mm/util.c __vm_enough_memory). The counters lie in the arena, one cache line a CPU,
// so CPUs on different host threads do not meet; only the strict mode adds them up.

using System.Runtime.CompilerServices;
using Engine.Core.Buddy;
using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <summary>The machine's commit charge (<c>Committed_AS</c>) and the rule that refuses more.</summary>
public sealed unsafe class CommitAccounting
{
    private const int StrideBytes = 64;

    private readonly byte* counters;
    private readonly int cpuCount;
    private ulong? userReservePages;
    private ulong? adminReservePages;

    /// <summary>Creates the counters.</summary>
    /// <param name="pages">Where they lie, and whose memory is promised.</param>
    /// <exception cref="InsufficientMemoryException">There is no memory for them.</exception>
    public CommitAccounting(PageAllocator pages)
    {
        cpuCount = pages.Options.CpuCount;
        int frames = ((cpuCount * StrideBytes) + Pfn.PageSizeBytes - 1) / Pfn.PageSizeBytes;
        int order = frames <= 1 ? 0 : 32 - int.LeadingZeroCount(frames - 1);
        if (!pages.TryAllocate(new CpuId(0), new Order(order), GfpFlags.Kernel | GfpFlags.Zero, out Pfn pfn))
        {
            throw new InsufficientMemoryException("no simulated memory for the commit counters");
        }

        // SAFETY: the allocator gave these frames, and the arena does not move.
        counters = pages.Memory.Bias + pfn.Address.Value;
        TotalPages = pages.Memory.LengthBytes >> Pfn.PageShift;
    }

    /// <summary>Which rule holds.</summary>
    public OvercommitMode Mode { get; set; } = OvercommitMode.Guess;

    /// <summary>Share of RAM that <see cref="OvercommitMode.Never"/> promises, in percent (<c>vm.overcommit_ratio</c>).</summary>
    public int RatioPercent { get; set; } = 50;

    /// <summary>Pages of RAM that <see cref="OvercommitMode.Never"/> promises, in place of a share (<c>vm.overcommit_kbytes</c>); null for <see cref="RatioPercent"/>.</summary>
    public ulong? FixedPages { get; set; }

    /// <summary>Pages of RAM (<c>totalram_pages</c>).</summary>
    public ulong TotalPages { get; set; }

    /// <summary>Pages of swap space (<c>total_swap_pages</c>).</summary>
    public ulong SwapPages { get; set; }

    /// <summary>Pages promised (<c>Committed_AS</c>).</summary>
    public long CommittedPages
    {
        get
        {
            long sum = 0;
            for (int cpu = 0; cpu < cpuCount; cpu++)
            {
                sum = unchecked(sum + Counter(cpu));
            }

            return sum;
        }
    }

    /// <summary>What <see cref="OvercommitMode.Never"/> promises at most, in pages (<c>CommitLimit</c>).</summary>
    public ulong LimitPages => (FixedPages ?? ((TotalPages / 100 * (ulong)RatioPercent) + (TotalPages % 100 * (ulong)RatioPercent / 100))) + SwapPages;

    /// <summary>Sets the reserves that <see cref="OvercommitMode.Never"/> keeps: by default 1/32 of memory, at most 128 MiB and 8 MiB.</summary>
    public void SetReserves(ulong userPages, ulong adminPages)
    {
        userReservePages = userPages;
        adminReservePages = adminPages;
    }

    /// <summary>Promises pages (<c>security_vm_enough_memory_mm</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="pageCount">Pages.</param>
    /// <param name="isAdmin">Whether the administrator's reserve may be used.</param>
    /// <param name="ownPages">The pages that the process has already (<c>total_vm</c>).</param>
    /// <returns>False, with nothing promised, where that is too much.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryCharge(CpuId cpu, ulong pageCount, bool isAdmin, ulong ownPages)
    {
        if (Mode == OvercommitMode.Guess && pageCount > TotalPages + SwapPages)
        {
            return false;
        }

        Add(cpu, unchecked((long)pageCount));
        if (Mode != OvercommitMode.Never || IsWithinLimit(isAdmin, ownPages))
        {
            return true;
        }

        Add(cpu, unchecked(-(long)pageCount));
        return false;
    }

    /// <summary>Promises pages whatever the rule (<c>vm_acct_memory</c>).</summary>
    public void Charge(CpuId cpu, ulong pageCount) => Add(cpu, unchecked((long)pageCount));

    /// <summary>Takes a promise back (<c>vm_unacct_memory</c>).</summary>
    public void Uncharge(CpuId cpu, ulong pageCount) => Add(cpu, unchecked(-(long)pageCount));

    private bool IsWithinLimit(bool isAdmin, ulong ownPages)
    {
        ulong adminReserve = adminReservePages ?? Math.Min(TotalPages / 32, (8UL << 20) / Pfn.PageSizeBytes);
        ulong userReserve = userReservePages ?? Math.Min(TotalPages / 32, (128UL << 20) / Pfn.PageSizeBytes);
        long allowed = unchecked((long)LimitPages);
        allowed -= isAdmin ? 0 : (long)adminReserve;
        allowed -= (long)Math.Min(ownPages / 32, userReserve);
        return CommittedPages < allowed;
    }

    private void Add(CpuId cpu, long pageCount)
    {
        ref long counter = ref Counter(cpu.Value);
        counter = unchecked(counter + pageCount);
    }

    private ref long Counter(int cpu)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)cpu, (uint)cpuCount, nameof(cpu));

        // SAFETY: the block holds a stride for each of cpuCount CPUs, and cpu is below.
        return ref *(long*)(counters + (cpu * StrideBytes));
    }
}
