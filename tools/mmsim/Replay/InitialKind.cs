namespace Mmsim.Replay;

/// <summary>What a page that existed before the trace's first record is taken for.</summary>
internal enum InitialKind
{
    /// <summary>Only read, or not touched at all: file-backed, read-only.</summary>
    ReadOnly = 0,

    /// <summary>Instructions are fetched from it: file-backed, readable and executable.</summary>
    Text = 1,

    /// <summary>It is written: private anonymous, readable and writable.</summary>
    Writable = 2,

    /// <summary>Fetched from and written: file-backed and private, with all rights.</summary>
    WritableText = 3,
}
