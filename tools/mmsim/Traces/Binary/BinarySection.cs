namespace Mmsim.Traces.Binary;

/// <summary>The head of a section of a binary trace.</summary>
/// <param name="Hash">XXH3-64 of the rest of the section.</param>
/// <param name="Tag">What it holds.</param>
/// <param name="Items">How many.</param>
/// <param name="PlainBytes">Length of the content, decompressed.</param>
/// <param name="StoredBytes">Length of the content as it is stored.</param>
internal readonly record struct BinarySection(ulong Hash, BinarySectionTag Tag, uint Items, uint PlainBytes, uint StoredBytes);
