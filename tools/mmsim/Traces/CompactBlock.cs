namespace Mmsim.Traces;

/// <summary>A block of records in the compact form, kept in memory.</summary>
/// <param name="Chunk">The array that holds it, among others.</param>
/// <param name="Offset">Where it begins there; <see cref="CompactCodec.SlackBytes"/> behind its end are readable.</param>
/// <param name="LengthBytes">How long it is.</param>
/// <param name="Records">How many records it holds.</param>
internal sealed record CompactBlock(byte[] Chunk, int Offset, int LengthBytes, int Records);
