// A tree of translation tables in the arena, built as Linux builds it (include/linux/pgtable.h, arch/arm64/include/asm/pgalloc.h).
//
// Tables are frames of the page allocator, zeroed. Each table's frame descriptor says whose table it is, of which level and
// for which addresses (a tag in Private, the first address in Index). Range walks and frees compare that with the way they
// came: a descriptor that garbage made point to another table, to data, or back up the tree is reported and not followed,
// so that no table content makes a walk endless. Reads and maps of one address descend a fixed number of levels and
// check only that each table is RAM.
//
// Inside, addresses are offsets from the start of the tree's half, so that ends never wrap.

using System.Runtime.CompilerServices;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Arm64.PageTables;

/// <summary>The translation tables of one address space, of a given shape. Owned by whoever holds the address space's lock.</summary>
/// <typeparam name="TGeometry">Granule, address width and levels.</typeparam>
public partial class PageTree<TGeometry>
    where TGeometry : struct, ITableGeometry
{
    /// <summary>The level of pages.</summary>
    public const int LastLevel = 3;

    private const int TagMagicShift = 48;
    private const ulong TagMagic = 0x5054UL << TagMagicShift;
    private const int TagLevelShift = 40;

    private readonly PageAllocator allocator;
    private readonly PhysicalMemory memory;
    private readonly ulong halfStart;
    private readonly ulong hierarchicalBits;
    private readonly GfpFlags tableGfp;

    /// <summary>Wraps a root that <see cref="TryAllocateTable"/> gave.</summary>
    internal PageTree(PageAllocator allocator, PageTableKind kind, Pfn root)
    {
        this.allocator = allocator;
        memory = allocator.Memory;
        Kind = kind;
        Root = root;
        bool isUser = kind == PageTableKind.User;
        halfStart = kind == PageTableKind.Kernel ? ulong.MaxValue << TGeometry.VirtualAddressBits : 0;
        hierarchicalBits = isUser ? Descriptor.PxnTableBit : 0;
        tableGfp = TableGfp(kind);
        Tag(root, TGeometry.StartLevel, 0);
    }

    /// <summary>Whose tables these are.</summary>
    public PageTableKind Kind { get; }

    /// <summary>The first frame of the root table: what TTBR holds.</summary>
    public Pfn Root { get; }

    /// <summary>Tables below the root, of all levels (Linux's <c>mm_pgtables_bytes</c> in tables; the root is not counted there either).</summary>
    public int PageTablePages { get; private set; }

    /// <summary>Bytes that a page of this granule has.</summary>
    internal static ulong PageSizeBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 1UL << TGeometry.PageShift;
    }

    /// <summary>log2 of what one entry of a level translates, in bytes.</summary>
    /// <param name="level">The root's level to 3.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int EntryShift(int level) => TGeometry.PageShift + ((LastLevel - level) * (TGeometry.PageShift - 3));

    /// <summary>The page's entry, or an empty one where there is no table; a block's entry where a block translates the address.</summary>
    /// <param name="address">Any address of the tree's half.</param>
    public Descriptor Read(VirtAddr address) => Read(address, out _);

    /// <summary>The leaf entry, or an empty one, and its level.</summary>
    /// <param name="address">Any address of the tree's half.</param>
    /// <param name="level">3 for a page, 2 or 1 for a block; where there is no leaf, the level at which the walk ended.</param>
    public Descriptor Read(VirtAddr address, out int level)
    {
        ref Descriptor entry = ref FindLeaf(ToOffset(address), out level);
        return Unsafe.IsNullRef(ref entry) ? Descriptor.None : entry;
    }

    /// <summary>The leaf entry itself (<c>pte_offset_map</c>): for who looks at one and changes it without a second walk.</summary>
    /// <param name="address">Any address of the tree's half.</param>
    /// <param name="level">As <see cref="Read(VirtAddr, out int)"/> gives it.</param>
    /// <returns>A null reference where no table leads to it. It is good until a table is freed.</returns>
    internal ref Descriptor Find(VirtAddr address, out int level) => ref FindLeaf(ToOffset(address), out level);

    /// <summary>Makes the tables down to the page's entry (<c>pte_alloc_map</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">Any address of the tree's half.</param>
    /// <returns>The entry; a null reference where there is no memory for a table, or a block is in the way; nothing has changed then.</returns>
    internal ref Descriptor Prepare(CpuId cpu, VirtAddr address) => ref Prepare(cpu, ToOffset(address), LastLevel);

    /// <summary>Writes the page's entry where its table exists (<c>set_pte</c>); a contiguous run that the page is in is unfolded.</summary>
    /// <param name="address">Any address of the page.</param>
    /// <param name="descriptor">The new entry.</param>
    /// <returns>False, with nothing changed, where there is no last-level table: map first.</returns>
    public bool Set(VirtAddr address, Descriptor descriptor)
    {
        ref Descriptor entry = ref FindLeaf(ToOffset(address), out int level);
        if (Unsafe.IsNullRef(ref entry) || level != LastLevel)
        {
            return false;
        }

        if (IsRun(entry))
        {
            UnfoldAt(address);
            descriptor = descriptor.MakeNonContiguous();
        }

        entry = descriptor;
        return true;
    }

    /// <summary>Maps one page, and makes the tables that it needs.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">Any address of the page.</param>
    /// <param name="pfn">The page's first frame.</param>
    /// <param name="attributes">The rest of the descriptor.</param>
    /// <returns>False where there is no memory for a table, or a block is in the way; nothing has changed then.</returns>
    public bool TryMap(CpuId cpu, VirtAddr address, Pfn pfn, PageAttributes attributes) =>
        TryMap(cpu, address, Descriptor.ForPage(pfn, attributes));

    /// <summary>Writes one page's entry, of any kind, and makes the tables that it needs (<c>pte_alloc_map</c> and <c>set_pte</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">Any address of the page.</param>
    /// <param name="descriptor">The entry.</param>
    /// <returns>False where there is no memory for a table, or a block is in the way; nothing has changed then.</returns>
    public bool TryMap(CpuId cpu, VirtAddr address, Descriptor descriptor)
    {
        ref Descriptor entry = ref Prepare(cpu, ToOffset(address), LastLevel);
        if (Unsafe.IsNullRef(ref entry))
        {
            return false;
        }

        entry = descriptor;
        return true;
    }

    /// <summary>Makes the tables down to the page's entry, which stays as it is (<c>pte_alloc</c>).</summary>
    /// <returns>False where there is no memory for a table, or a block is in the way; nothing has changed then.</returns>
    public bool TryPrepare(CpuId cpu, VirtAddr address) => !Unsafe.IsNullRef(ref Prepare(cpu, ToOffset(address), LastLevel));

    /// <summary>The GFP flags of a tree's tables (<c>GFP_PGTABLE_USER</c>, <c>GFP_PGTABLE_KERNEL</c>).</summary>
    internal static GfpFlags TableGfp(PageTableKind kind) =>
        GfpFlags.Kernel | GfpFlags.Zero | (kind == PageTableKind.User ? GfpFlags.Account : GfpFlags.None);

    /// <summary>Takes a zeroed table from the allocator.</summary>
    internal static bool TryAllocateTable(PageAllocator allocator, CpuId cpu, GfpFlags gfp, out Pfn table) =>
        allocator.TryAllocate(cpu, new Order(TGeometry.PageShift - Pfn.PageShift), gfp, out table);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int IndexOf(ulong offset, int level) => (int)((offset >> EntryShift(level)) & (ulong)(TableView<TGeometry>.EntryCount - 1));

    // The checked step from an address to an offset in the tree's half.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong ToOffset(VirtAddr address)
    {
        ulong offset = unchecked(address.ToUInt64() - halfStart);
        if (offset >> TGeometry.VirtualAddressBits != 0)
        {
            ThrowOutside(address);
        }

        return offset;
    }

    private VirtAddr ToAddress(ulong offset) => new(unchecked(halfStart + offset));

    // Descends to the leaf entry. A null reference: there is no table for it (or no entry in it at a level above the last).
    private ref Descriptor FindLeaf(ulong offset, out int level)
    {
        PhysAddr next = Root.Address;
        int shift = EntryShift(TGeometry.StartLevel);
        for (level = TGeometry.StartLevel; ; level++, shift -= TGeometry.PageShift - 3)
        {
            if (!TableView<TGeometry>.TryOpen(memory, next, out TableView<TGeometry> table))
            {
                ReportBadTable(next);
                return ref Unsafe.NullRef<Descriptor>();
            }

            ref Descriptor entry = ref table[unchecked((int)(offset >> shift))];
            if (level == LastLevel)
            {
                return ref entry;
            }

            if (!entry.IsTable)
            {
                return ref entry.IsNone ? ref Unsafe.NullRef<Descriptor>() : ref entry;
            }

            next = entry.OutputAddress;
        }
    }

    // Descends to the entry of a level, making missing tables. A null reference: no memory (what was made is undone), or a block in the way.
    private ref Descriptor Prepare(CpuId cpu, ulong offset, int targetLevel)
    {
        PhysAddr next = Root.Address;
        int shift = EntryShift(TGeometry.StartLevel);
        for (int level = TGeometry.StartLevel; ; level++, shift -= TGeometry.PageShift - 3)
        {
            if (!TableView<TGeometry>.TryOpen(memory, next, out TableView<TGeometry> table))
            {
                ReportBadTable(next);
                return ref Unsafe.NullRef<Descriptor>();
            }

            ref Descriptor entry = ref table[unchecked((int)(offset >> shift))];
            if (level == targetLevel)
            {
                return ref entry;
            }

            if (!entry.IsTable)
            {
                if (!entry.IsNone)
                {
                    return ref Unsafe.NullRef<Descriptor>();
                }

                return ref Grow(cpu, offset, level, targetLevel, ref entry);
            }

            next = entry.OutputAddress;
        }
    }

    // Makes the whole missing chain first and links it last, so that a failure leaves no trace.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private ref Descriptor Grow(CpuId cpu, ulong offset, int level, int targetLevel, ref Descriptor link)
    {
        Span<Pfn> made = stackalloc Pfn[LastLevel + 1];
        int count = targetLevel - level;
        for (int i = 0; i < count; i++)
        {
            if (!TryAllocateTable(allocator, cpu, tableGfp, out made[i]))
            {
                while (--i >= 0)
                {
                    allocator.Free(cpu, made[i], new Order(TGeometry.PageShift - Pfn.PageShift));
                }

                return ref Unsafe.NullRef<Descriptor>();
            }
        }

        ref Descriptor entry = ref link;
        for (int i = 0; i < count; i++)
        {
            int tableLevel = level + 1 + i;
            Tag(made[i], tableLevel, offset & (ulong.MaxValue << EntryShift(tableLevel - 1)));
            entry = Descriptor.ForTable(made[i].Address, hierarchicalBits);
            if (!TableView<TGeometry>.TryOpen(memory, made[i].Address, out TableView<TGeometry> table))
            {
                ReportBadTable(made[i].Address);
                return ref Unsafe.NullRef<Descriptor>();
            }

            PageTablePages++;
            entry = ref table[IndexOf(offset, tableLevel)];
        }

        return ref entry;
    }

    /// <summary>Whether a frame in use holds a table of some tree (<c>PageTable</c>).</summary>
    internal static bool IsTable(in Frame frame) => frame.Private >> TagMagicShift == TagMagic >> TagMagicShift;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong TagOf(int level) => TagMagic | ((ulong)(uint)level << TagLevelShift) | Root.ToUInt32();

    private void Tag(Pfn table, int level, ulong firstOffset)
    {
        ref Frame frame = ref allocator.Frames[table];
        frame.Private = TagOf(level);
        frame.Index = firstOffset >> TGeometry.PageShift;
    }

    // Opens the table below an entry if it is what the way to it says.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryOpenChild(Descriptor entry, int childLevel, ulong firstOffset, out TableView<TGeometry> table)
    {
        PhysAddr address = entry.OutputAddress;
        if (!TableView<TGeometry>.TryOpen(memory, address, out table))
        {
            ReportBadTable(address);
            return false;
        }

        ref Frame frame = ref allocator.Frames[address.Pfn];
        return (frame.Private == TagOf(childLevel) && frame.Index == firstOffset >> TGeometry.PageShift) || ReportBadChild(address, childLevel, frame.Private);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool ReportBadChild(PhysAddr address, int childLevel, ulong found)
    {
        allocator.Log.Report(new Corruption(
            CorruptionCategory.PageTable, "table descriptor points to a page that is not this table", address, TagOf(childLevel), found));
        return false;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ReportBadTable(PhysAddr address) =>
        allocator.Log.Report(new Corruption(
            CorruptionCategory.PageTable, "table descriptor points outside RAM", address, memory.Start.ToUInt64(), address.ToUInt64()));

    [System.Diagnostics.CodeAnalysis.DoesNotReturn]
    private static void ThrowOutside(VirtAddr address) =>
        throw new ArgumentOutOfRangeException(nameof(address), address, $"the tree translates {TGeometry.VirtualAddressBits} bits of one half");
}
