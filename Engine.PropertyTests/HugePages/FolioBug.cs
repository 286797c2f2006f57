namespace Engine.PropertyTests.HugePages;

/// <summary>A fault planted into the world, which the property must catch.</summary>
public enum FolioBug
{
    /// <summary>None.</summary>
    None,

    /// <summary>An entry vanishes without its frame being told.</summary>
    DropsOneMapping,
}
