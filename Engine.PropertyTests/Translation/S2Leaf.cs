namespace Engine.PropertyTests.Translation;

/// <summary>A stage 2 leaf as the naive walker found it.</summary>
internal readonly record struct S2Leaf(string Tg, bool Ds, int Level, int Shift, ulong Descriptor, ulong Slot);
