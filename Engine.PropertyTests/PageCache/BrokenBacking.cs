using Engine.Core.PageCache;

namespace Engine.PropertyTests.PageCache;

/// <summary>A device that neither reads nor writes.</summary>
internal sealed class BrokenBacking : IBackingStore
{
    public ulong LengthBytes { get; private set; } = 4096;

    public bool IsPersistent => true;

    public bool ReadPage(ulong pageIndex, Span<byte> destination) => false;

    public bool WritePage(ulong pageIndex, ReadOnlySpan<byte> source) => false;

    public bool Resize(ulong lengthBytes)
    {
        LengthBytes = lengthBytes;
        return true;
    }

    public bool PunchHole(ulong firstPage, ulong pageCount) => false;
}
