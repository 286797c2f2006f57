namespace Engine.Arm64.Translation;

/// <summary>What a descriptor is at its level (<c>AArch64.DecodeDescriptorType</c>).</summary>
public enum DescriptorKind
{
    /// <summary>No translation; software may keep anything in the other 63 bits.</summary>
    Invalid,

    /// <summary>Points to a table of the next level.</summary>
    Table,

    /// <summary>A block or a page.</summary>
    Leaf,
}
