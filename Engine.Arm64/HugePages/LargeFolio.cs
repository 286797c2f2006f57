// What a large folio keeps in the descriptors of its tail pages (struct folio, include/linux/mm_types.h; the
// mm slots: folio_add_large_mapcount and folio_sub_return_large_mapcount, include/linux/rmap.h since Linux 6.15):
//
//   tail 1  Flags    order (8)
//           Index    entire maps (32) | entries (32)        entries that map it, a block counting once; of these, blocks
//           Private  queued (1) | shared (1) | mapped (32)  pages that some entry maps
//   tail 2  Index    entries (32) | mm (32)                 the first of two address spaces whose entries are counted apart
//           Private  entries (32) | mm (32)                 the second
//           Next     the next folio on the list of those that wait to be split
//   tail 3  Next     the previous one
//
// A folio of a file has its blocks counted alone. "shared" stays set while it is not certain that one address space has all entries. Numbers from the arena may be garbage:
// they are only compared, and links are checked by who follows them.

using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Arm64.HugePages;

/// <summary>The tail words of one large anonymous folio, of order 2 at least.</summary>
internal readonly ref struct LargeFolio(FrameTable frames, Pfn head)
{
    private const int HighShift = 32;
    private const ulong SharedBit = 1UL << 32;
    private const ulong QueuedBit = 1UL << 33;

    /// <summary>Its first frame.</summary>
    public Pfn Head => head;

    /// <summary>Entries that map it or a page of it; a block is one (<c>_large_mapcount</c>).</summary>
    public uint Entries => unchecked((uint)First.Index);

    /// <summary>Blocks that map it as a whole (<c>_entire_mapcount</c>).</summary>
    public uint Blocks => unchecked((uint)(First.Index >> HighShift));

    /// <summary>Pages that some entry maps (<c>_nr_pages_mapped</c>).</summary>
    public uint MappedPages => unchecked((uint)First.Private);

    /// <summary>Whether more than one address space may map it (<c>folio_maybe_mapped_shared</c>).</summary>
    public bool MayBeShared => (First.Private & SharedBit) != 0;

    /// <summary>Whether it waits to be split.</summary>
    public bool IsQueued
    {
        get => (First.Private & QueuedBit) != 0;
        set => First.Private = value ? First.Private | QueuedBit : First.Private & ~QueuedBit;
    }

    /// <summary>The next folio that waits to be split, as <see cref="DeferredSplits"/> encodes it.</summary>
    public ref ulong Next => ref Second.Next;

    /// <summary>The previous one.</summary>
    public ref ulong Previous => ref frames[head + 3].Next;

    private ref Frame First => ref frames[head + 1];

    private ref Frame Second => ref frames[head + 2];

    /// <summary>Makes it new: all pages mapped by one address space.</summary>
    /// <param name="mm">The address space's number, not 0.</param>
    /// <param name="entries">Entries that map it.</param>
    /// <param name="blocks">1 where one block does.</param>
    /// <param name="pages">Its pages.</param>
    public void Initialize(uint mm, uint entries, uint blocks, uint pages)
    {
        First.Index = entries | ((ulong)blocks << HighShift);
        First.Private = pages;
        Second.Index = mm | ((ulong)entries << HighShift);
        Second.Private = 0;
        Next = 0;
        Previous = 0;
    }

    /// <summary>Forgets everything, so that the frames can be freed.</summary>
    public void Clear()
    {
        First.Index = 0;
        First.Private = 0;
        Second.Index = 0;
        Second.Private = 0;
        Next = 0;
        Previous = 0;
    }

    /// <summary>Counts entries of an address space.</summary>
    public void AddEntries(uint mm, uint count)
    {
        uint total = unchecked(Entries + count);
        SetEntries(total);
        ref ulong slot = ref SlotOf(mm);
        if (!System.Runtime.CompilerServices.Unsafe.IsNullRef(ref slot))
        {
            slot = unchecked(slot + ((ulong)count << HighShift));
            return;
        }

        bool isFirstFree = Second.Index == 0;
        if (!isFirstFree && Second.Private != 0)
        {
            return; // a third one is not counted apart, and the folio is marked already
        }

        ref ulong free = ref isFirstFree ? ref Second.Index : ref Second.Private;
        free = mm | ((ulong)count << HighShift);
        if (!isFirstFree || total != count)
        {
            First.Private |= SharedBit;
        }
    }

    /// <summary>Takes entries of an address space back.</summary>
    public void RemoveEntries(uint mm, uint count)
    {
        uint total = unchecked(Entries - count);
        SetEntries(total);
        ref ulong slot = ref SlotOf(mm);
        if (!System.Runtime.CompilerServices.Unsafe.IsNullRef(ref slot))
        {
            uint left = unchecked((uint)(slot >> HighShift) - count);
            slot = left == 0 ? 0 : mm | ((ulong)left << HighShift);
            if (left != 0)
            {
                return;
            }
        }

        if (unchecked((uint)(Second.Index >> HighShift)) == total || unchecked((uint)(Second.Private >> HighShift)) == total)
        {
            First.Private &= ~SharedBit;
        }
    }

    /// <summary>Counts blocks. CPUs of different threads may map a file's folio at once.</summary>
    public void AddBlocks(int count) => Interlocked.Add(ref First.Index, unchecked((ulong)(uint)count << HighShift));

    /// <summary>Counts pages that nobody maps any more.</summary>
    public void RemoveMappedPages(uint count) =>
        First.Private = (First.Private & ~(ulong)uint.MaxValue) | unchecked((uint)First.Private - count);

    private void SetEntries(uint count) => First.Index = (First.Index & ~(ulong)uint.MaxValue) | count;

    private ref ulong SlotOf(uint mm)
    {
        if (unchecked((uint)Second.Index) == mm)
        {
            return ref Second.Index;
        }

        return ref unchecked((uint)Second.Private) == mm ? ref Second.Private : ref System.Runtime.CompilerServices.Unsafe.NullRef<ulong>();
    }
}
