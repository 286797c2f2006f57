namespace Mmsim.Kmem;

/// <summary>A block that was allocated before the trace began, known by its free.</summary>
/// <param name="Pfn">Its first frame on the real machine.</param>
/// <param name="Order">Its order.</param>
/// <param name="Cpu">The CPU that frees it.</param>
internal readonly record struct EarlierBlock(uint Pfn, byte Order, ushort Cpu);
