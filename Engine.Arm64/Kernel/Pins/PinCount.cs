using Engine.Core.Buddy;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel.Pins;

/// <summary>
/// How a page says that it is pinned (<c>try_grab_folio</c>, <c>folio_maybe_dma_pinned</c>, mm/gup.c and include/linux/mm.h): a single page by
/// 1,024 references a pin, a larger folio by a count of its own, which lies in its first tail's last word.
/// </summary>
internal static class PinCount
{
    /// <summary>References that a pin of a single page counts for (<c>GUP_PIN_COUNTING_BIAS</c>).</summary>
    public const int Bias = 1024;

    /// <summary>Takes pins or plain references.</summary>
    public static void Take(PageAllocator pages, Pfn page, bool isPin)
    {
        Pfn head = pages.GetHead(page);
        bool isLarge = pages.IsCompound(head);
        Interlocked.Add(ref pages.Frames[head].RefCount, isPin && !isLarge ? Bias : 1);
        if (isPin && isLarge)
        {
            Interlocked.Increment(ref CountOf(pages, head));
        }
    }

    /// <summary>Gives a pin's count back, all but one reference, which the caller puts.</summary>
    /// <returns>False, with nothing changed, where the page is not pinned.</returns>
    public static bool TryRelease(PageAllocator pages, Pfn page)
    {
        Pfn head = pages.GetHead(page);
        if (!IsMaybePinned(pages, page))
        {
            return false;
        }

        if (pages.IsCompound(head))
        {
            Interlocked.Decrement(ref CountOf(pages, head));
        }
        else
        {
            Interlocked.Add(ref pages.Frames[head].RefCount, 1 - Bias);
        }

        return true;
    }

    /// <summary>Whether a page is pinned, or has so many references that it cannot be told (<c>folio_maybe_dma_pinned</c>).</summary>
    public static bool IsMaybePinned(PageAllocator pages, Pfn page)
    {
        Pfn head = pages.GetHead(page);
        return pages.Frames.IsValid(head) && (pages.IsCompound(head) ? CountOf(pages, head) > 0 : pages.Frames[head].RefCount >= Bias);
    }

    /// <summary>References of a folio that pins account for, where all its other references are known.</summary>
    /// <param name="pages">Whose descriptors.</param>
    /// <param name="head">The folio's head.</param>
    /// <param name="others">References that somebody else accounts for.</param>
    public static long ReferencesOf(PageAllocator pages, Pfn head, long others) =>
        pages.IsCompound(head) ? CountOf(pages, head) : Math.Max(0, (pages.Frames[head].RefCount - others) / Bias) * Bias;

    private static ref long CountOf(PageAllocator pages, Pfn head) =>
        ref System.Runtime.CompilerServices.Unsafe.As<ulong, long>(ref pages.Frames[head + 1].MemcgData);
}
