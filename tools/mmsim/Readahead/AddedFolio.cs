namespace Mmsim.Readahead;

/// <summary>A folio that came into the page cache.</summary>
/// <param name="FirstPage">Its first page in the file.</param>
/// <param name="PageCount">Pages in it.</param>
/// <param name="Order">log2 of that.</param>
public readonly record struct AddedFolio(ulong FirstPage, ulong PageCount, int Order);
