// A page that a fault maps into a locked VMA waits in a batch of the CPU before it moves to the unevictable list (mm/mlock.c,
// mlock_folio; PAGEVEC_SIZE entries). Until then it looks evictable, so a second use still activates it and clears its referenced bit.

using System.Runtime.CompilerServices;
using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.PageCache;
using Engine.Core.Reclaim;
using Engine.Core.Units;

namespace Engine.Arm64.Faults;

/// <summary>Which pages that one populating call locked still wait in the CPU's batch (<c>mlock_fbatch</c>).</summary>
internal struct MlockBatch(Process process)
{
    private const int WindowPages = 16;
    private const ulong WindowBytes = WindowPages * Pfn.PageSizeBytes;

    private readonly Process process = process;
    private Places places;
    private Window before;
    private uint activeBefore;
    private int count;

    /// <summary>Notes what a fault finds mapped around its page, and which of the file's pages there are active: they stay so until the batch is emptied.</summary>
    public void BeforeFault(in VmArea area, VirtAddr address)
    {
        VirtAddr start = StartOfWindow(address);
        FileMapping? file = area.IsAnonymous ? null : process.Machine.Files.TryGet(area.File)?.Mapping;
        activeBefore = 0;
        for (int i = 0; i < WindowPages; i++)
        {
            VirtAddr place = start + ((ulong)i << Pfn.PageShift);
            before[i] = process.Tables.Read(place).Value;
            bool isActive = file is not null && area.Contains(place) && file.IsActive(area.PageIndexOf(place));
            activeBefore |= isActive ? 1u << i : 0;
        }
    }

    /// <summary>Takes what the fault mapped into the batch. A full batch is emptied at once.</summary>
    public void AfterFault(VirtAddr address)
    {
        VirtAddr start = StartOfWindow(address);
        for (int i = 0; i < WindowPages; i++)
        {
            VirtAddr place = start + ((ulong)i << Pfn.PageShift);
            Descriptor entry = process.Tables.Read(place);
            Descriptor old = new(before[i]);
            if (entry.IsPresent && !entry.IsSpecial && !(old.IsPresent && old.Pfn == entry.Pfn))
            {
                places[count] = place.Value | (activeBefore >> i & 1);
                count = count + 1 == LruBatch.FrameMax ? 0 : count + 1;
            }
        }
    }

    /// <summary>Whether a page still waits, and a second use would activate it: it was not active before.</summary>
    public readonly bool IsInactive(VirtAddr address)
    {
        for (int i = 0; i < count; i++)
        {
            if (places[i] == address.Value)
            {
                return true;
            }
        }

        return false;
    }

    private static VirtAddr StartOfWindow(VirtAddr address) => new(address.Value & ~(WindowBytes - 1));

    [InlineArray(LruBatch.FrameMax)]
    private struct Places
    {
        private ulong first;
    }

    [InlineArray(WindowPages)]
    private struct Window
    {
        private ulong first;
    }
}
