using Engine.Core.PageCache;

namespace Engine.PropertyTests.PageCache;

/// <summary>A backing with a planted bug: what a broken page cache would do to the file.</summary>
internal sealed class FaultyBacking(IBackingStore inner, BackingBug bug) : IBackingStore
{
    private int writes;
    private int reads;

    public ulong LengthBytes => inner.LengthBytes;

    public bool IsPersistent => inner.IsPersistent;

    public bool ReadPage(ulong pageIndex, Span<byte> destination) =>
        inner.ReadPage(bug == BackingBug.WrongPageIsRead && ++reads % 5 == 0 ? pageIndex ^ 1 : pageIndex, destination);

    public bool WritePage(ulong pageIndex, ReadOnlySpan<byte> source) =>
        (bug == BackingBug.WriteIsLost && ++writes % 5 == 0) || inner.WritePage(pageIndex, source);

    public bool Resize(ulong lengthBytes) => bug == BackingBug.TailSurvivesTruncation && lengthBytes < LengthBytes
        ? inner.Resize((lengthBytes + 4095) & ~4095UL) : inner.Resize(lengthBytes);

    public bool PunchHole(ulong firstPage, ulong pageCount) => bug == BackingBug.HoleIsNotPunched || inner.PunchHole(firstPage, pageCount);
}
