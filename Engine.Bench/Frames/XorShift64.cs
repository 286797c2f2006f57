using System.Runtime.InteropServices;

namespace Engine.Bench.Frames;

/// <summary>The generator that the workloads are defined with. It shares its line with no other thread's.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal sealed class XorShift64
{
    [FieldOffset(128)]
    private ulong state;

    /// <summary>Starts a sequence.</summary>
    /// <param name="seed">Not zero.</param>
    public XorShift64(ulong seed) => state = seed * 0x9e3779b97f4a7c15;

    /// <summary>An index below <paramref name="count"/>.</summary>
    public int Next(int count)
    {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return (int)(((state >> 32) * (ulong)count) >> 32);
    }
}
