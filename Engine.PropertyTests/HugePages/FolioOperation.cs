namespace Engine.PropertyTests.HugePages;

/// <summary>One step.</summary>
/// <param name="Kind">What.</param>
/// <param name="Process">In which living process, modulo their number.</param>
/// <param name="Page">From which page.</param>
/// <param name="Count">How many pages.</param>
/// <param name="Value">The byte written.</param>
public sealed record FolioOperation(FolioOperationKind Kind, int Process, int Page, int Count, byte Value);
