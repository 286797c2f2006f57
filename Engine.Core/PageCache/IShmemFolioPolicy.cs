namespace Engine.Core.PageCache;

/// <summary>Which folio sizes shared memory may have when it is written with a system call; a fault brings its sizes itself.</summary>
public interface IShmemFolioPolicy
{
    /// <summary>The orders that a missing page's folio may have, as a mask; the largest that fits is taken.</summary>
    /// <param name="file">The file.</param>
    /// <param name="pageIndex">The page.</param>
    /// <param name="writeEndBytes">Where the write ends in the file.</param>
    public uint OrdersForWrite(FileMapping file, ulong pageIndex, ulong writeEndBytes);
}
