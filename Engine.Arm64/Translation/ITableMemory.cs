using Engine.Core.Units;

namespace Engine.Arm64.Translation;

/// <summary>
/// Where a walker finds descriptors: the engine's arena, or an image of another machine's memory.
/// Implement it in a struct: the walker is then compiled for it.
/// </summary>
public interface ITableMemory
{
    /// <summary>Reads eight bytes, little-endian.</summary>
    /// <param name="address">A multiple of 8; any value.</param>
    /// <param name="value">What is there.</param>
    /// <returns>False where there is no memory.</returns>
    public bool TryRead(PhysAddr address, out ulong value);

    /// <summary>Replaces eight bytes if they still are what they were, in one step.</summary>
    /// <param name="address">A multiple of 8; any value.</param>
    /// <param name="expected">What must be there.</param>
    /// <param name="replacement">What shall be there.</param>
    /// <param name="found">What was there.</param>
    /// <returns>False where the memory takes no such update; true otherwise, whether or not <paramref name="found"/> was the expected value.</returns>
    public bool TryCompareExchange(PhysAddr address, ulong expected, ulong replacement, out ulong found);
}
