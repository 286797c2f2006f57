// Replays accesses to one file and tells which folios each of them brings into the page cache.
//
// A read is pread on one of the open descriptors. A touch is a one-byte read of a shared mapping of the whole file,
// which begins at a multiple of 2 MiB: where the page table has no entry, fault-around maps what is cached in the
// aligned 16 pages around, else the fault finds or reads the page; after input fault-around comes once more.

using System.Collections;
using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.PageCache;
using Engine.Core.Units;

namespace Mmsim.Readahead;

/// <summary>One file with an empty cache, and accesses to it.</summary>
public sealed class ReadaheadReplay : IDisposable
{
    /// <summary>Pages in the largest file: 64 GiB.</summary>
    public const ulong FilePagesMax = 1UL << 24;

    private const int FaultAroundPages = 16;
    private const int HugePages = 512;

    private static readonly CpuId Cpu = new(0);

    private readonly ReadaheadReplayOptions options;
    private readonly PhysicalMemory memory;
    private readonly FileMapping file;
    private readonly ReadaheadState[] descriptors;
    private readonly List<AddedFolio> added = [];
    private readonly BitArray present;
    private readonly bool[] hasTable;
    private readonly Pfn[] tablePages = new Pfn[HugePages];
    private readonly byte[] buffer;
    private long accesses;

    /// <summary>Boots a machine with room for the file.</summary>
    public ReadaheadReplay(ReadaheadReplayOptions options)
    {
        this.options = options;
        memory = new PhysicalMemory(new MemoryBank(new PhysAddr(0x4000_0000), MemoryFor(options.FilePages)));
        MemoryLayout layout = new(memory);
        PageAllocator pages = new(memory, layout, new FrameTable(memory, layout), Log, new PageAllocatorOptions());
        FileCache cache = new(pages, new FileCacheOptions { Release = options.Release });
        FileMappingOptions mappingOptions = new() { FolioOrderMax = options.FolioOrderMax, IoPages = options.IoPages };
        file = cache.Open(Cpu, new MemoryBacking(options.FilePages << Pfn.PageShift), mappingOptions)
            ?? throw new InsufficientMemoryException("no room for the file");
        cache.FolioAdded = (_, first, order) => added.Add(new AddedFolio(first, order.PageCount, order.ToInt32()));
        bool isSequential = (options.Advice & MmapAdvice.Sequential) != 0;
        ReadaheadState opened = ReadaheadState.ForFile(options.RaPages);
        ReadDescriptor = opened with
        {
            RaPages = isSequential ? 2 * options.RaPages : options.RaPages,
            IsRandom = (options.Advice & MmapAdvice.Random) != 0,
        };
        descriptors = [.. Enumerable.Repeat(opened, options.Descriptors)];
        present = new BitArray((int)options.FilePages);
        hasTable = new bool[(options.FilePages + HugePages - 1) / HugePages];
        buffer = new byte[options.PagesPerAccess << Pfn.PageShift];
    }

    /// <summary>What the machine found wrong with itself.</summary>
    public CorruptionLog Log { get; } = new();

    /// <summary>Faults that were not settled by fault-around.</summary>
    public long Faults { get; private set; }

    /// <summary>Rounds of fault-around that mapped something page by page.</summary>
    public long MapAroundRounds { get; private set; }

    private ReadaheadState ReadDescriptor { get; }

    /// <summary>Makes one access.</summary>
    /// <returns>The folios that it brought in, in order; valid until the next access.</returns>
    public IReadOnlyList<AddedFolio> Access(RecordedAccess access)
    {
        added.Clear();
        ref ReadaheadState ra = ref descriptors[accesses % descriptors.Length];
        if (accesses < descriptors.Length && access.Kind == AccessMethod.Read)
        {
            ra = ReadDescriptor;
        }

        accesses++;
        if (access.Kind == AccessMethod.Read)
        {
            _ = file.Read(Cpu, ref ra, access.PageIndex << Pfn.PageShift, buffer, out _);
            return added;
        }

        for (uint i = 0; i < options.PagesPerAccess; i++)
        {
            Touch(ref ra, access.PageIndex + i);
        }

        return added;
    }

    /// <inheritdoc/>
    public void Dispose() => memory.Dispose();

    private static ulong MemoryFor(ulong filePages)
    {
        ulong bytes = (filePages << Pfn.PageShift) + (filePages << 8) + (64UL << 20);
        ulong rounded = (bytes + (2UL << 20) - 1) & ~((2UL << 20) - 1);
        return rounded;
    }

    private void Touch(ref ReadaheadState ra, ulong page)
    {
        if (page >= options.FilePages || present[(int)page] || TryMapAround(ref ra, page))
        {
            return;
        }

        Faults++;
        FileFaultResult result = file.Fault(Cpu, ref ra, page, options.Advice, out Pfn pfn);
        bool isRepeated = result is FileFaultResult.Major or FileFaultResult.MinorReadahead;
        if (pfn != Pfn.None && !(isRepeated && TryMapAround(ref ra, page)))
        {
            MapFaulted(page);
        }
    }

    private bool TryMapAround(ref ReadaheadState ra, ulong page)
    {
        ulong first = page & ~(ulong)(FaultAroundPages - 1);
        ulong last = Math.Min(options.FilePages, first + FaultAroundPages) - 1;
        ulong table = page & ~(ulong)(HugePages - 1);
        ulong tableLast = Math.Min(options.FilePages, table + HugePages) - 1;
        FaultAroundWindow window = new(first, last, table, tableLast, hasTable[page / HugePages]);
        FaultAroundResult around = file.MapAround(ref ra, window, tablePages);
        if (around.HugeFolio != Pfn.None)
        {
            MarkPresent(table, tableLast);
            return true;
        }

        // Fault-around takes the page table that Linux allocated beforehand as soon as it finds anything.
        hasTable[page / HugePages] |= around.Mappable > 0;
        MapAroundRounds += around.Mappable > 0 ? 1 : 0;
        for (int i = 0; i < around.Count; i++)
        {
            ulong at = around.First + (uint)i;
            present[(int)at] |= tablePages[(int)(at - table)] != Pfn.None;
        }

        return present[(int)page];
    }

    // finish_fault: the page alone, or from Linux 6.18 on the whole folio where it fits the page table.
    private void MapFaulted(ulong page)
    {
        bool isFound = file.TryFindFolio(page, out CachedFolio folio);
        ulong table = page & ~(ulong)(HugePages - 1);
        bool isWhole = options.Release != KernelRelease.Linux69 && isFound
            && folio.FirstPage >= table && folio.NextPage <= Math.Min(table + HugePages, options.FilePages);
        bool isHuge = isFound && folio.Order == Order.PageBlock && !hasTable[page / HugePages];
        hasTable[page / HugePages] |= !isHuge;
        if (isWhole || isHuge)
        {
            MarkPresent(folio.FirstPage, folio.NextPage - 1);
        }
        else
        {
            present[(int)page] = true;
        }
    }

    private void MarkPresent(ulong first, ulong last)
    {
        for (ulong page = first; page <= last; page++)
        {
            present[(int)page] = true;
        }
    }
}
