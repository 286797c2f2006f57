namespace Engine.Core.PageCache;

/// <summary>How a fault on a file's page ended (<c>filemap_fault</c>, mm/filemap.c).</summary>
public enum FileFaultResult
{
    /// <summary>The page was in the cache, or needs no input (shmem).</summary>
    Minor,

    /// <summary>
    /// The page was in the cache and carried the readahead mark: pages after it were read. Counted as minor; Linux drops
    /// its locks for the input and repeats the fault, so fault-around comes once more (<c>VM_FAULT_RETRY</c>).
    /// </summary>
    MinorReadahead,

    /// <summary>The page had to be read (<c>VM_FAULT_MAJOR</c>).</summary>
    Major,

    /// <summary>The page lies beyond the end of the file (<c>SIGBUS</c>, <c>BUS_ADRERR</c>).</summary>
    BeyondEnd,

    /// <summary>No frame could be had (<c>VM_FAULT_OOM</c>).</summary>
    OutOfMemory,

    /// <summary>The backing could not be read (<c>SIGBUS</c>).</summary>
    InputError,
}
