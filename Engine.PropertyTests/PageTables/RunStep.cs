namespace Engine.PropertyTests.PageTables;

/// <summary>One operation on pages; what the numbers mean depends on the kind.</summary>
internal readonly record struct RunStep(int Kind, int Page, int Count, int Attributes, int Variant);
