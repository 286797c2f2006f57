// Unmapping frees frames only after the TLBs have forgotten them (mm/mmu_gather.c): entries are cleared and noted, then one
// flush covers the whole range, then the frames go (tlb_gather_mmu to tlb_finish_mmu). A full batch flushes and frees what it has, and collection goes on.

using Engine.Arm64.Faults;
using Engine.Arm64.PageTables;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.PageWalk;

/// <summary>Collects cleared entries until their translations are flushed (<c>struct mmu_gather</c>).</summary>
internal ref struct MmuGather
{
    /// <summary>Entries that a batch needs room for: a full one and the rest of a run.</summary>
    public const int Capacity = BatchMax + RunRestMax;

    // Linux gathers up to 510 a page of pointers; the point is one flush for many frames.
    private const int BatchMax = 256;

    // A contiguous run is cleared as a whole before anything is flushed (zap_present_ptes): the batch waits for its end.
    private const int RunRestMax = 15;

    private readonly Process process;
    private readonly CpuId cpu;
    private readonly Span<ulong> batch;
    private int count;
    private VirtAddr start;
    private VirtAddr end;
    private bool hasPages;

    /// <param name="process">Whose entries go.</param>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="batch">Room for <see cref="Capacity"/> entries, of any content.</param>
    public MmuGather(Process process, CpuId cpu, Span<ulong> batch)
    {
        this.process = process;
        this.cpu = cpu;
        this.batch = batch;
        start = new VirtAddr(ulong.MaxValue);
    }

    /// <summary>The CPU that acts.</summary>
    public readonly CpuId Cpu => cpu;

    /// <summary>Notes an entry that was cleared.</summary>
    /// <param name="address">What it translated.</param>
    /// <param name="entry">As it was.</param>
    public void Add(VirtAddr address, Descriptor entry)
    {
        ulong lengthBytes = Pfn.PageSizeBytes;
        if (entry.IsBlock)
        {
            lengthBytes = HugeMaps.Bytes;
            if (entry.IsSpecial || process.Machine.UserFrames.IsAnonymous(entry))
            {
                process.Tables.FreeReserved(cpu, address);
            }
        }

        hasPages |= !entry.IsBlock;
        start = address < start ? address : start;
        end = address + lengthBytes > end ? address + lengthBytes : end;
        batch[count++] = entry.Value;
        if (count >= BatchMax && (!entry.IsContiguous || entry.IsBlock || count == batch.Length || PageTable.IsLastOfRun(address)))
        {
            Finish();
        }
    }

    /// <summary>Gives a swap entry back that was cleared: no TLB can have it.</summary>
    public readonly void FreeSwap(Descriptor entry) => process.Machine.UserFrames.FreeSwap(process, cpu, entry);

    /// <summary>Takes the translations out of the TLBs, and gives the frames back. The flush is counted when the whole unmapping ends.</summary>
    public void Finish()
    {
        if (count == 0)
        {
            return;
        }

        process.GatherFlush(start, end, hasPages);
        UserFrames frames = process.Machine.UserFrames;
        for (int i = 0; i < count; i++)
        {
            frames.Unmap(process, cpu, new Descriptor(batch[i]));
        }

        count = 0;
        hasPages = false;
        start = new VirtAddr(ulong.MaxValue);
        end = default;
    }
}
