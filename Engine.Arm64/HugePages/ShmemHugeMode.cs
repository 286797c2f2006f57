namespace Engine.Arm64.HugePages;

/// <summary>
/// Where shared memory may have large folios (<c>/sys/kernel/mm/transparent_hugepage/shmem_enabled</c> and <c>hugepages-*kB/shmem_enabled</c>;
/// <c>SHMEM_HUGE_*</c>, mm/shmem.c).
/// </summary>
public enum ShmemHugeMode
{
    /// <summary>Nowhere; MADV_COLLAPSE makes them all the same where the sizes that inherit allow.</summary>
    Never,

    /// <summary>Everywhere.</summary>
    Always,

    /// <summary>Where the folio ends within the file, and where MADV_HUGEPAGE advised them.</summary>
    WithinSize,

    /// <summary>Where MADV_HUGEPAGE advised them. A size calls it <c>advise</c> as well.</summary>
    Advise,

    /// <summary>Nowhere, not even by MADV_COLLAPSE; no setting of a size.</summary>
    Deny,

    /// <summary>Everywhere, whatever the file was made for; no setting of a size.</summary>
    Force,

    /// <summary>As the setting for all sizes says; a size's setting alone.</summary>
    Inherit,
}
