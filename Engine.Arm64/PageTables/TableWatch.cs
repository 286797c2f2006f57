// The writes of a whole tree, for the checking mode, without a cost where tables are written: whenever TLBs are about to be told
// to forget something, the tree is compared with how it looked before, and each difference is one write. A proper change
// invalidates between break and make, so it is seen as two writes with the invalidation in between; one that does not is seen
// as the one write that TLBs may notice. Contiguous runs are looked at as a whole each time.

using System.Globalization;
using Engine.Arm64.Tlb;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Arena;
using Engine.Core.Units;

namespace Engine.Arm64.PageTables;

/// <summary>Watches the writes and invalidations of one tree of tables.</summary>
/// <typeparam name="TGeometry">The tree's shape.</typeparam>
public sealed class TableWatch<TGeometry> : ITlbInvalidator
    where TGeometry : struct, ITableGeometry
{
    // Far more tables than an address space of a test has; garbage that makes tables refer to each other ends here.
    private const long TablesMax = 1 << 20;

    private readonly PhysicalMemory memory;
    private readonly TranslationRegisters registers;
    private readonly bool isKernel;
    private readonly TableWriteChecker checker;
    private readonly Action<TlbFinding> report;
    private readonly ITlbInvalidator? next;
    private Dictionary<(ulong Address, int Level), (Descriptor Descriptor, int SizeLog2)> seen;

    /// <summary>Watches from now on.</summary>
    /// <param name="memory">Where the tables are.</param>
    /// <param name="tree">The tables.</param>
    /// <param name="support">What the CPUs take (FEAT_BBM).</param>
    /// <param name="report">Receives each finding.</param>
    /// <param name="next">Who hears of the invalidations after this one; null for nobody.</param>
    public TableWatch(PhysicalMemory memory, PageTree<TGeometry> tree, BreakBeforeMakeLevel support, Action<TlbFinding> report, ITlbInvalidator? next = null)
    {
        this.memory = memory;
        this.report = report;
        this.next = next;
        isKernel = tree.Kind == PageTableKind.Kernel;
        checker = new TableWriteChecker(support, report) { TrustsAccessFlag = false };
        registers = RegistersOf(tree.Root.Address);
        seen = Read();
    }

    /// <summary>Looks for writes since the last time.</summary>
    public void Observe()
    {
        Dictionary<(ulong Address, int Level), (Descriptor Descriptor, int SizeLog2)> now = Read();
        foreach (((ulong address, int level) place, (Descriptor old, int sizeLog2)) in seen)
        {
            Descriptor current = now.TryGetValue(place, out (Descriptor Descriptor, int SizeLog2) found) ? found.Descriptor : Descriptor.None;
            if (current != old)
            {
                checker.Write(new TableWrite(new VirtAddr(place.address), place.level, sizeLog2, old, current));
            }
        }

        foreach (((ulong address, int level) place, (Descriptor descriptor, int sizeLog2)) in now)
        {
            if (!seen.ContainsKey(place))
            {
                checker.Write(new TableWrite(new VirtAddr(place.address), place.level, sizeLog2, Descriptor.None, descriptor));
            }

            if (place.level > 0 && descriptor.IsValid && descriptor.IsContiguous && !IsTable(descriptor, place.level))
            {
                CheckRun(now, place.address, place.level, descriptor, sizeLog2);
            }
        }

        seen = now;
    }

    /// <summary>The TLBs have forgotten a range.</summary>
    /// <param name="start">The first address.</param>
    /// <param name="end">The first address after the range.</param>
    /// <param name="lastLevelOnly">Whether walk caches kept tables.</param>
    public void Flushed(VirtAddr start, VirtAddr end, bool lastLevelOnly) => checker.Invalidate(start, end, lastLevelOnly);

    /// <summary>The TLBs have forgotten the whole address space.</summary>
    public void FlushedAll() => checker.InvalidateAll();

    /// <inheritdoc/>
    public void InvalidateRange(VirtAddr start, ulong lengthBytes, int level)
    {
        Observe();
        next?.InvalidateRange(start, lengthBytes, level);
        Flushed(start, start + lengthBytes, lastLevelOnly: level == TableFormat.LastLevel);
    }

    private static bool IsTable(Descriptor descriptor, int level) => level < TableFormat.LastLevel && descriptor.IsTable;

    private static int RunLog2(int level) => level == TableFormat.LastLevel ? TGeometry.ContiguousPagesShift : level == 2 ? TGeometry.ContiguousBlocksShift : 0;

    // Looked at from the first of its descriptors that is there, so that a run is judged once.
    private void CheckRun(
        Dictionary<(ulong Address, int Level), (Descriptor Descriptor, int SizeLog2)> now, ulong address, int level, Descriptor descriptor, int sizeLog2)
    {
        const ulong Free = Descriptor.AccessFlagBit | Descriptor.SoftwareDirtyBit | Descriptor.ReadOnlyBit;
        int count = 1 << RunLog2(level);
        ulong start = address & (ulong.MaxValue << (sizeLog2 + RunLog2(level)));
        ulong own = (address - start) >> sizeLog2;
        for (ulong i = 0; i < (ulong)(uint)count; i++)
        {
            bool isThere = now.TryGetValue((start + (i << sizeLog2), level), out (Descriptor Descriptor, int SizeLog2) member)
                && member.Descriptor.IsValid && member.Descriptor.IsContiguous;
            if (isThere && i < own)
            {
                return;
            }

            Descriptor expected = new(unchecked(descriptor.Value + ((i - own) << sizeLog2)));
            string? wrong = !isThere ? "is not of the run"
                : ((member.Descriptor.Value ^ expected.Value) & Descriptor.AddressMask) != 0 ? "maps elsewhere"
                : ((member.Descriptor.Value ^ expected.Value) & ~Free) != 0 ? "has other attributes"
                : null;
            ulong runMask = ((ulong)(uint)count << sizeLog2) - 1;
            wrong ??= own == i && ((descriptor.OutputAddress.ToUInt64() - (own << sizeLog2)) & runMask) != 0 ? "is not aligned as its address is" : null;
            if (wrong is not null)
            {
                report(new TlbFinding(
                    TlbRule.ContiguousRun, new VirtAddr(address), string.Create(CultureInfo.InvariantCulture, $"contiguous descriptor {descriptor}, level {level}"),
                    string.Create(CultureInfo.InvariantCulture, $"the descriptor of 0x{start + (i << sizeLog2):x} {wrong}")));
                return;
            }
        }
    }

    private Dictionary<(ulong Address, int Level), (Descriptor Descriptor, int SizeLog2)> Read()
    {
        ArenaMemory arena = new(memory);
        Collector collector = new([]);
        TableScanner.Scan(ref arena, registers, isKernel, TablesMax, ref collector);
        return collector.Found;
    }

    // TCR for the tree's shape, in the half that its kind has.
    private static TranslationRegisters RegistersOf(PhysAddr root)
    {
        ulong size = (ulong)(uint)(64 - TGeometry.VirtualAddressBits);
        ulong granules = TGeometry.PageShift switch { 12 => 2UL << 30, 14 => (2UL << 14) | (1UL << 30), _ => (1UL << 14) | (3UL << 30) };
        ulong tcr = size | (size << 16) | granules | (5UL << 32);
        return new TranslationRegisters(root.ToUInt64(), root.ToUInt64(), tcr, 0, TranslationRegisters.SctlrMmuOn, ArchitectureProfile.Full);
    }

    // Everything that is not empty.
    private readonly struct Collector(Dictionary<(ulong Address, int Level), (Descriptor Descriptor, int SizeLog2)> found) : IDescriptorVisitor
    {
        public Dictionary<(ulong Address, int Level), (Descriptor Descriptor, int SizeLog2)> Found => found;

        public void Visit(in ScannedDescriptor entry)
        {
            if (!entry.Descriptor.IsNone)
            {
                found[(entry.Address.Value, entry.Level)] = (entry.Descriptor, entry.EntryShift);
            }
        }

        public void VisitMissing(int level, VirtAddr address, PhysAddr table)
        {
        }
    }
}
