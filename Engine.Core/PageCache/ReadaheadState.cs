using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <summary>
/// What readahead remembers for one open file (<c>struct file_ra_state</c>, include/linux/fs.h).
/// <code>
///                      |&lt;------ async_size ------|
///   |&lt;----------------- size ------------------->|
///   start              the page that carries the readahead mark
/// </code>
/// </summary>
public struct ReadaheadState
{
    /// <summary>Pages in a window where nothing else is said: 128 KiB (<c>VM_READAHEAD_PAGES</c>).</summary>
    public const uint DefaultPages = (128 << 10) >> Pfn.PageShift;

    /// <summary>First page of the window read last.</summary>
    public ulong Start;

    /// <summary>Pages in that window.</summary>
    public uint Size;

    /// <summary>Pages at the window's end that were read before anyone asked for them.</summary>
    public uint AsyncSize;

    /// <summary>The largest window in pages; 0 turns readahead off.</summary>
    public uint RaPages;

    /// <summary>Order of the folios of the window read last (Linux 6.17 and later).</summary>
    public ushort Order;

    /// <summary>Misses of memory-mapped accesses, less hits.</summary>
    public uint MmapMiss;

    /// <summary>Place of the last byte read before, in bytes; -1 before the first read.</summary>
    public long PrevPos;

    /// <summary>Whether the file was opened or advised for random access (<c>FMODE_RANDOM</c>).</summary>
    public bool IsRandom;

    /// <summary>The state of a file that was just opened (<c>file_ra_state_init</c>).</summary>
    /// <param name="raPages">The device's window, in pages (<c>read_ahead_kb</c> / 4).</param>
    public static ReadaheadState ForFile(uint raPages = DefaultPages) => new() { RaPages = raPages, PrevPos = -1 };
}
