// What the traced program's address space held before the first record: the executable, the dynamic linker, valgrind's
// preloaded objects, the stack. The trace has no line for them, but it shows them in two ways:
//
//   a page is touched before any system call has mapped it;
//   a system call that succeeded (mprotect, munmap, mremap, madvise, …) works on pages that nothing has mapped.
//
// Such a page was there from the beginning. How the whole trace uses it says what it was.

using Engine.Arm64.Units;
using Engine.Core.Units;
using Mmsim.Traces;
using Mmsim.Traces.Pages;

namespace Mmsim.Replay;

/// <summary>Finds what a traced program's address space held before the trace began.</summary>
internal static class InitialImage
{
    /// <summary>Finds the initial pages of a trace.</summary>
    /// <param name="use">Which pages the trace touches, and how.</param>
    /// <param name="syscalls">Its system calls in order.</param>
    /// <returns>Ranges, ascending, that do not overlap.</returns>
    public static IReadOnlyList<InitialRange> Find(PageUse use, IReadOnlyList<SyscallEvent> syscalls)
    {
        PageRangeSet initial = new();
        PageRangeSet mapped = new();
        MappedRanges ranges = new();
        PageUseEntry[] byTouch = [.. use.Entries.OrderBy(entry => entry.FirstTouch)];
        int next = 0;
        foreach (SyscallEvent syscall in syscalls)
        {
            next = AddTouched(byTouch, next, syscall.RecordIndex, mapped, initial);
            MappedRange effect = ranges.EffectOf(syscall);
            foreach ((ulong start, ulong end) in mapped.Gaps(effect.NeedsStart, effect.NeedsEnd))
            {
                initial.Add(start, end);
            }

            mapped.Add(effect.NeedsStart, effect.NeedsEnd);
            mapped.Add(effect.MapsStart, effect.MapsEnd);
        }

        AddTouched(byTouch, next, PageUseEntry.Never, mapped, initial);
        return Classify(initial, use);
    }

    private static int AddTouched(PageUseEntry[] byTouch, int next, long beforeRecord, PageRangeSet mapped, PageRangeSet initial)
    {
        for (; next < byTouch.Length && byTouch[next].FirstTouch < beforeRecord; next++)
        {
            ulong page = PageOf(byTouch[next].Page);
            if (!mapped.Contains(page))
            {
                initial.Add(page, page + 1);
            }
        }

        return next;
    }

    // Both the ranges and the touched pages ascend, so one pass over both tells what every stretch is.
    private static List<InitialRange> Classify(PageRangeSet initial, PageUse use)
    {
        List<InitialRange> found = [];
        int touched = 0;
        foreach ((ulong start, ulong end) in initial.Ranges)
        {
            ulong page = start;
            for (; touched < use.Entries.Count && PageOf(use.Entries[touched].Page) < end; touched++)
            {
                ulong touchedPage = PageOf(use.Entries[touched].Page);
                if (touchedPage >= start)
                {
                    Append(found, page, touchedPage, InitialKind.ReadOnly);
                    Append(found, touchedPage, touchedPage + 1, KindOf(use.Entries[touched]));
                    page = touchedPage + 1;
                }
            }

            Append(found, page, end, InitialKind.ReadOnly);
        }

        return found;
    }

    private static void Append(List<InitialRange> found, ulong start, ulong end, InitialKind kind)
    {
        if (start == end)
        {
            return;
        }

        if (found.Count > 0 && found[^1] is { } last && last.Kind == kind && PageOf(last.Start) + last.PageCount == start)
        {
            found[^1] = last with { PageCount = last.PageCount + (end - start) };
        }
        else
        {
            found.Add(new InitialRange(new VirtAddr(start << Pfn.PageShift), end - start, kind));
        }
    }

    private static ulong PageOf(VirtAddr address) => address.ToUInt64() >> Pfn.PageShift;

    private static InitialKind KindOf(PageUseEntry entry) => (entry.IsFetched, entry.IsWritten) switch
    {
        (true, true) => InitialKind.WritableText,
        (true, false) => InitialKind.Text,
        (false, true) => InitialKind.Writable,
        _ => InitialKind.ReadOnly,
    };
}
