namespace Engine.Arm64;

/// <summary>What a write to <c>/proc/PID/clear_refs</c> clears (<c>enum clear_refs_types</c>, fs/proc/task_mmu.c).</summary>
public enum ClearRefs
{
    /// <summary>1: that pages were used.</summary>
    All = 1,

    /// <summary>2: the same, in VMAs without a file.</summary>
    Anonymous = 2,

    /// <summary>3: the same, in VMAs of files; shared anonymous memory has one.</summary>
    Mapped = 3,

    /// <summary>4: soft-dirty marks. Arm64 kernels up to v6.9 have none (no <c>CONFIG_MEM_SOFT_DIRTY</c>): the TLBs are flushed, nothing else happens.</summary>
    SoftDirty = 4,

    /// <summary>5: the largest resident set so far (<c>VmHWM</c>) becomes the present one.</summary>
    ResidentPeak = 5,
}
