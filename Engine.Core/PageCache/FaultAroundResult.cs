using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <summary>What fault-around found.</summary>
/// <param name="First">First page of the range that was filled in.</param>
/// <param name="Count">Pages in that range; those that cannot be mapped hold <see cref="Pfn.None"/>.</param>
/// <param name="Mappable">How many can be mapped.</param>
/// <param name="HugeFolio">A 2 MiB folio to map by one descriptor instead; <see cref="Pfn.None"/> where there is none.</param>
public readonly record struct FaultAroundResult(ulong First, int Count, int Mappable, Pfn HugeFolio);
