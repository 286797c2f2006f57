// What TLBI instructions do to this CPU's TLBs and walk caches. Entries of the current VMID match; a global entry matches every ASID.

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

    /// <summary>Empties TLBs and walk caches (TLBI ALLE1).</summary>
    public void InvalidateAll() =>
        Apply(
            new TlbInvalidation { Last = ulong.MaxValue, AnyAsid = true, AnyVmid = true, Levels = TlbInvalidation.EveryLevel },
            lastLevelOnly: false);

    /// <summary>Invalidation instructions that this CPU has answered, its own and others'.</summary>
    public ulong TlbiCount { get; private set; }

    /// <inheritdoc/>
    public void Execute(TlbiInstruction instruction)
    {
        TlbiCount++;
        if (instruction.Decode(CurrentVmid, HasWideAddresses) is TlbInvalidation what)
        {
            Apply(what, instruction.IsLastLevelOnly);
        }

        if (TObserver.Checks)
        {
            CheckInvalidation(instruction);
        }
    }

    /// <summary>Whether TCR_EL1.DS is 1: the base address of a range instruction counts 64 KiB.</summary>
    public bool HasWideAddresses { get; set; }

    private void Apply(in TlbInvalidation what, bool lastLevelOnly)
    {
        foreach (TlbLevel level in lastLevelOnly ? path.Levels : path.All)
        {
            InvalidatedCount += (ulong)level.Invalidate(what);
        }

        UpdateSides();
    }
}
