namespace Mmsim.Walk;

/// <summary>What is counted.</summary>
internal enum DescriptorCount
{
    /// <summary>Descriptors that point to tables.</summary>
    Table,

    /// <summary>Blocks.</summary>
    Block,

    /// <summary>Pages.</summary>
    Page,

    /// <summary>Blocks and pages in contiguous runs.</summary>
    Contiguous,

    /// <summary>Empty descriptors.</summary>
    Zero,

    /// <summary>Descriptors that translate nothing, and hold something for software.</summary>
    InvalidNonzero,

    /// <summary>Tables that are not in the image.</summary>
    MissingTable,

    /// <summary>How many kinds there are.</summary>
    Count,
}
