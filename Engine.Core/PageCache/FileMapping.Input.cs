// Input that a fault has started and not waited for.
//
// A hole of the file needs no device: its page is up to date at once, while the other pages of the same window are still
// locked. A fault on such a page, taken again, finds only what needed no input. What readahead started is on its way, too,
// when the next faults of the same system call come. Input takes no time here, so such pages are marked as locked until a
// fault waits for them, or the call is through.

using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <content>Pages on their way.</content>
public sealed partial class FileMapping
{
    private bool startsInput;
    private ulong inputFirst;
    private ulong inputEnd;

    /// <summary>The input that a fault started ends: its pages can be mapped from now on (<c>folio_end_read</c>).</summary>
    public void CompleteInput()
    {
        if (inputEnd <= inputFirst)
        {
            return;
        }

        ulong at = inputFirst;
        while (TryNextFolio(ref at, inputEnd - 1, null, out Pfn head))
        {
            frames[head].Flags &= ~PageFlag.Locked;
            at = NextPageOf(head);
        }

        inputFirst = inputEnd = 0;
    }

    // A folio was filled: where the device had to give any of it, it is on its way.
    private void NoteInput(ulong first, int order)
    {
        ulong end = first + (1UL << order);
        bool isHole = true;
        for (ulong page = first; page < end; page++)
        {
            isHole &= Backing.IsHole(page);
        }

        if (!isHole && TryFindFolio(first, out Pfn head))
        {
            frames[head].Flags |= PageFlag.Locked;
            inputFirst = inputEnd == 0 ? first : Math.Min(inputFirst, first);
            inputEnd = Math.Max(inputEnd, end);
        }
    }
}
