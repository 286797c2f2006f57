namespace Engine.PropertyTests.Translation;

/// <summary>Another agent changed a descriptor: the naive walk starts again.</summary>
internal sealed class DescriptorChangedException : Exception;
