namespace Engine.Arm64.PageTables;

/// <summary>Whose tree of tables it is.</summary>
public enum PageTableKind
{
    /// <summary>A process's, below TTBR0: addresses from 0 up; tables are charged (<c>GFP_PGTABLE_USER</c>) and carry PXNTable.</summary>
    User,

    /// <summary>The kernel's, below TTBR1: addresses from the top down (<c>GFP_PGTABLE_KERNEL</c>).</summary>
    Kernel,

    /// <summary>A device's, below an SMMU's context: addresses from 0 up.</summary>
    Device,
}
