namespace Mmsim.Images;

/// <summary>A range of physical memory that an image file holds.</summary>
/// <param name="Start">Physical address of the first byte.</param>
/// <param name="LengthBytes">Length in bytes.</param>
/// <param name="FileOffset">Where in the file.</param>
internal readonly record struct ImageSegment(ulong Start, ulong LengthBytes, long FileOffset);
