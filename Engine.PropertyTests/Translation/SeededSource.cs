namespace Engine.PropertyTests.Translation;

/// <summary>Numbers from a seed: SplitMix64.</summary>
internal sealed class SeededSource(int seed)
{
    private ulong state = (ulong)(uint)seed << 32;

    /// <summary>0 to <paramref name="limit"/> - 1.</summary>
    public int Next(int limit) => (int)(((Draw() >> 32) * (ulong)(uint)limit) >> 32);

    /// <summary><paramref name="from"/> to <paramref name="limit"/> - 1.</summary>
    public int Next(int from, int limit) => from + Next(limit - from);

    /// <summary>63 random bits.</summary>
    public long NextInt64() => (long)(Draw() >> 1);

    private ulong Draw() => HashedMemory.Mix(unchecked(state += 0x9E37_79B9_7F4A_7C15UL));
}
