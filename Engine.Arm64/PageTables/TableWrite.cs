using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.Arm64.PageTables;

/// <summary>One store into a translation table.</summary>
/// <param name="Address">The first address that the entry translates.</param>
/// <param name="Level">The entry's level, -1..3.</param>
/// <param name="SizeLog2">log2 of what the entry translates, in bytes.</param>
/// <param name="Old">What it held.</param>
/// <param name="Replacement">What it holds now.</param>
public readonly record struct TableWrite(VirtAddr Address, int Level, int SizeLog2, Descriptor Old, Descriptor Replacement);
