namespace Mmsim.Fuzz;

/// <summary>A small seeded generator (Steele, Lea and Flood, 2014): the same seed gives the same sequence everywhere.</summary>
public sealed class SplitMix64
{
    private ulong state;

    /// <summary>Starts a sequence.</summary>
    public SplitMix64(ulong seed) => state = seed;

    /// <summary>The next 64 bits.</summary>
    public ulong Next()
    {
        unchecked
        {
            state += 0x9e3779b97f4a7c15;
            ulong z = state;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
            z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
            return z ^ (z >> 31);
        }
    }

    /// <summary>A number below <paramref name="count"/>.</summary>
    public int Below(int count) => (int)(Next() % (ulong)count);
}
