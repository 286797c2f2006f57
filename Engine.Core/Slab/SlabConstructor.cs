namespace Engine.Core.Slab;

/// <summary>Prepares an object of a new slab (<c>ctor</c>).</summary>
/// <param name="content">The object's bytes.</param>
public delegate void SlabConstructor(Span<byte> content);
