namespace Engine.Arm64.Tlb;

/// <summary>A named core and where its figures come from.</summary>
/// <param name="Name">As the command line takes it: <c>neoverse-n1</c>.</param>
/// <param name="Title">As its maker writes it.</param>
/// <param name="Geometry">Its TLBs.</param>
/// <param name="Source">The document of the figures.</param>
/// <param name="Unpublished">Which figures have no citable source and are assumed, in words; empty where all are published.</param>
public sealed record CoreGeometry(string Name, string Title, TlbGeometry Geometry, string Source, string Unpublished);
