// What TLBI instructions do to this CPU's TLBs and walk caches. Entries of the current VMID match; a global entry matches every ASID.
// Those by intermediate address reach the cache of stage 2 alone: entries of both stages together go by virtual address, or all at once.

using Engine.Arm64.Units;

namespace Engine.Arm64.Tlb;

public sealed unsafe partial class TranslationUnit<TWalker, TObserver>
{
    /// <summary>Entries taken out by invalidations so far.</summary>
    public ulong InvalidatedCount { get; private set; }

    /// <summary>Takes out the translations of a range of addresses in one address space, and global ones (TLBI VAE1, VALE1, RVAE1, RVALE1).</summary>
    /// <param name="asid">The address space.</param>
    /// <param name="start">The first address.</param>
    /// <param name="end">The first address after the range; the range is empty where it is not above <paramref name="start"/>.</param>
    /// <param name="lastLevelOnly">Whether addresses of tables in walk caches stay (VALE1, RVALE1).</param>
    public void Invalidate(Asid asid, VirtAddr start, VirtAddr end, bool lastLevelOnly = false)
    {
        if (start >= end)
        {
            return;
        }

        Apply(
            new TlbInvalidation { First = start.Value, Last = end.Value - 1, Asid = asid.Value, Vmid = CurrentVmid, Levels = TlbInvalidation.EveryLevel },
            lastLevelOnly);
    }

    /// <summary>Takes out the translations of a range of addresses in every address space (TLBI VAAE1, VAALE1).</summary>
    /// <param name="start">The first address.</param>
    /// <param name="end">The first address after the range; the range is empty where it is not above <paramref name="start"/>.</param>
    /// <param name="lastLevelOnly">Whether addresses of tables in walk caches stay.</param>
    public void InvalidateForAll(VirtAddr start, VirtAddr end, bool lastLevelOnly = false)
    {
        if (start >= end)
        {
            return;
        }

        Apply(
            new TlbInvalidation { First = start.Value, Last = end.Value - 1, AnyAsid = true, Vmid = CurrentVmid, Levels = TlbInvalidation.EveryLevel },
            lastLevelOnly);
    }

    /// <summary>Takes out all that one address space has, global entries excepted (TLBI ASIDE1).</summary>
    public void Invalidate(Asid asid) =>
        Apply(
            new TlbInvalidation { Last = ulong.MaxValue, Asid = asid.Value, KeepsGlobal = true, Vmid = CurrentVmid, Levels = TlbInvalidation.EveryLevel },
            lastLevelOnly: false);

    /// <summary>Takes out all entries of the current VMID (TLBI VMALLE1).</summary>
    public void InvalidateCurrentVmid() =>
        Apply(
            new TlbInvalidation { Last = ulong.MaxValue, AnyAsid = true, Vmid = CurrentVmid, Levels = TlbInvalidation.EveryLevel },
            lastLevelOnly: false);

    /// <summary>Takes out all of the current VMID, stage 2's translations as well (TLBI VMALLS12E1).</summary>
    public void InvalidateBothStages()
    {
        InvalidateCurrentVmid();
        InvalidateIntermediate(default, new Core.Units.PhysAddr(ulong.MaxValue));
    }

    /// <summary>Empties TLBs, walk caches and the cache of stage 2 (TLBI ALLE1).</summary>
    public void InvalidateAll()
    {
        TlbInvalidation all = new() { Last = ulong.MaxValue, AnyAsid = true, AnyVmid = true, Levels = TlbInvalidation.EveryLevel };
        Apply(all, lastLevelOnly: false);
        if (nested is { Ipas: { } ipas })
        {
            InvalidatedCount += (ulong)ipas.Invalidate(all);
        }
    }

    /// <summary>Invalidation instructions that this CPU has answered, its own and others'.</summary>
    public ulong TlbiCount { get; private set; }

    /// <inheritdoc/>
    public void Execute(TlbiInstruction instruction)
    {
        TlbiCount++;
        if (instruction.Decode(CurrentVmid, HasWideAddresses) is TlbInvalidation what)
        {
            if (instruction.ReachesStage2 && nested is { Ipas: { } ipas })
            {
                InvalidatedCount += (ulong)ipas.Invalidate(what);
            }

            if (!instruction.IsIntermediate)
            {
                Apply(what, instruction.IsLastLevelOnly);
            }
        }

        if (TObserver.Checks)
        {
            CheckInvalidation(instruction);
        }
    }

    /// <summary>Whether TCR_EL1.DS is 1: the base address of a range instruction counts 64 KiB.</summary>
    public bool HasWideAddresses { get; set; }

    /// <summary>Takes the stage 2 translations of a range of intermediate addresses out of the cache that holds them (TLBI IPAS2E1). Entries of both stages stay.</summary>
    /// <param name="start">The first intermediate address.</param>
    /// <param name="end">The first address after the range; the range is empty where it is not above <paramref name="start"/>.</param>
    public void InvalidateIntermediate(Core.Units.PhysAddr start, Core.Units.PhysAddr end)
    {
        if (start.ToUInt64() < end.ToUInt64() && nested is { Ipas: { } ipas })
        {
            TlbInvalidation what = new()
            {
                First = start.ToUInt64(),
                Last = end.ToUInt64() - 1,
                AnyAsid = true,
                Vmid = CurrentVmid,
                Levels = TlbInvalidation.EveryLevel,
            };
            InvalidatedCount += (ulong)ipas.Invalidate(what);
        }
    }

    private void Apply(in TlbInvalidation what, bool lastLevelOnly)
    {
        int removed = 0;
        foreach (TlbLevel level in lastLevelOnly ? path.Levels : path.All)
        {
            removed += level.Invalidate(what);
        }

        if (removed != 0)
        {
            InvalidatedCount += (uint)removed;
            UpdateSides();
        }
    }
}
