using Engine.Arm64.Translation;
using Engine.PropertyTests.Support;
using Mmsim.Traces;
using Mmsim.Traces.Blocks;
using Mmsim.Traces.Pages;
using Xunit;

namespace Engine.PropertyTests.MmsimTests;

/// <summary>What the first pass keeps: the packed records and the use of pages.</summary>
public sealed class PackedStoreTests
{
    [Fact]
    public void Records_and_page_use_are_what_a_dictionary_says() =>
        ModelProperty.Check(AccessStep.Any, steps => Compare(steps, isModifyRead: true), tests: 300, length: 400);

    [Fact]
    public void A_planted_modify_that_does_not_read_is_caught() =>
        ModelProperty.MustFail(AccessStep.Any, steps => Compare(steps, isModifyRead: false), tests: 300, length: 400);

    [Fact]
    public void A_block_that_touches_more_pages_than_have_numbers_is_kept_whole()
    {
        ulong[] words = [.. Enumerable.Range(0, 40_000).Select(i => (ulong)(uint)(i * 7919 % 40_000) << 24 | 8 << 2 | 1)];
        PageUseCounter counter = new();
        ulong[] unpacked = new ulong[words.Length];
        new PackedStore(counter).Add(words, 0).Unpack(unpacked);
        Assert.Equal(words, unpacked);
        PageUse use = PageUseCounter.Combine([counter], [0L]);
        Assert.Equal(40_000, use.Total);
        Assert.Equal(40_000, use.Read);
        Assert.Equal(Enumerable.Range(0, 40_000).Select(i => (long)i).Order(), use.Entries.Select(entry => entry.FirstRead).Order());
    }

    // Two threads take the blocks in turn; each sees its own in order.
    private static void Compare(IReadOnlyList<AccessStep> steps, bool isModifyRead)
    {
        ulong[] words = [.. steps.Select(step => step.Word)];
        PageUseCounter[] counters = [new(), new()];
        PackedStore store = new(counters[0]);
        List<long> starts = [];
        Dictionary<ulong, PageUseEntry> model = [];
        int block = 0;
        for (int start = 0; start < words.Length; block++)
        {
            int length = Math.Min(1 + (block * 37 % 101), words.Length - start);
            ReadOnlySpan<ulong> part = words.AsSpan(start, length);
            starts.Add(start);
            if (block % 3 == 0)
            {
                counters[1].Add(part, block);
            }
            else
            {
                ulong[] unpacked = new ulong[length];
                store.Add(part, block).Unpack(unpacked);
                Assert.Equal(part.ToArray(), unpacked);
            }

            start += length;
        }

        for (int i = 0; i < words.Length; i++)
        {
            Note(model, AccessWord.AsAccesses([words[i]])[0], i, isModifyRead);
        }

        PageUse use = PageUseCounter.Combine(counters, starts);
        Assert.Equal(model.OrderBy(pair => pair.Key).Select(pair => pair.Value), use.Entries);
        Assert.Equal(model.Values.Count(entry => entry.IsFetched), use.Instr);
        Assert.Equal(model.Values.Count(entry => entry.IsRead || entry.IsWritten), use.Data);
        Assert.Equal(model.Values.Count(entry => entry.IsWritten), use.Written);
    }

    private static void Note(Dictionary<ulong, PageUseEntry> model, Access access, long record, bool isModifyRead)
    {
        ulong page = access.Address.ToUInt64() & ~0xfffUL;
        PageUseEntry entry = model.GetValueOrDefault(page, new PageUseEntry(new(page), PageUseEntry.Never, PageUseEntry.Never, PageUseEntry.Never));
        bool isRead = access.Kind == AccessKind.Load || (access.Kind == AccessKind.Modify && isModifyRead);
        model[page] = entry with
        {
            FirstFetch = access.Kind == AccessKind.Fetch ? Math.Min(entry.FirstFetch, record) : entry.FirstFetch,
            FirstRead = isRead ? Math.Min(entry.FirstRead, record) : entry.FirstRead,
            FirstWrite = access.Kind is AccessKind.Store or AccessKind.Modify ? Math.Min(entry.FirstWrite, record) : entry.FirstWrite,
        };
    }
}
