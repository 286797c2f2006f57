namespace Engine.Arm64.HugePages;

/// <summary>Where large folios of a size may be used (<c>/sys/kernel/mm/transparent_hugepage/enabled</c> and <c>hugepages-*kB/enabled</c>).</summary>
public enum HugePageMode
{
    /// <summary>Nowhere.</summary>
    Never,

    /// <summary>In VMAs that were advised with MADV_HUGEPAGE.</summary>
    Madvise,

    /// <summary>Everywhere but where MADV_NOHUGEPAGE forbids it.</summary>
    Always,

    /// <summary>As the setting for all sizes says; no setting for all sizes itself.</summary>
    Inherit,
}
