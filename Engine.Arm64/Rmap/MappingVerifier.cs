using Engine.Arm64.Faults;
using Engine.Arm64.HugePages;
using Engine.Arm64.Kernel.Pins;
using Engine.Arm64.PageTables;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Arm64.Rmap;

/// <summary>Recounts every mapping of a machine from its page tables.</summary>
internal static class MappingVerifier
{
    /// <summary>Compares the tables with the frames.</summary>
    public static IReadOnlyList<Corruption> Verify(Machine machine)
    {
        List<Corruption> findings = [];
        Dictionary<Pfn, int> maps = [];
        Dictionary<Pfn, int> entries = [];
        foreach (Process process in machine.Processes)
        {
            MappingCounter counter = new(process, maps, entries, findings);
            process.Tables.Visit(default, process.Memory.Options.TaskSize.ToUInt64(), ref counter);
            Expect(findings, "anonymous pages of a process", default, counter.AnonPages, process.Memory.State.AnonPages);
            Expect(findings, "file pages of a process", default, counter.FilePages, process.Memory.State.FilePages + process.Memory.State.ShmemPages);
        }

        FrameTable frames = machine.Pages.Frames;
        for (uint i = 0; i < frames.Count; i++)
        {
            Pfn pfn = frames.First + i;
            if (frames.IsValid(pfn))
            {
                VerifyFrame(machine, pfn, maps, entries, findings);
            }
        }

        return findings;
    }

    private static void VerifyFrame(Machine machine, Pfn pfn, Dictionary<Pfn, int> maps, Dictionary<Pfn, int> entries, List<Corruption> findings)
    {
        ref Frame frame = ref machine.Pages.Frames[pfn];
        Expect(findings, "map count of a frame", pfn.Address, maps.GetValueOrDefault(pfn), frame.MapCount);
        if (machine.UserFrames.HeadOf(pfn) != pfn || !entries.TryGetValue(pfn, out int held) || machine.PageCache.MappingOf(pfn) is not null)
        {
            return;
        }

        long known = held + ((frame.Flags & PageFlag.SwapCache) != 0 ? 1 : 0);
        Expect(findings, "references to an anonymous folio", pfn.Address, known + PinCount.ReferencesOf(machine.Pages, pfn, known), frame.RefCount);
        Order order = machine.Pages.IsCompound(pfn) ? machine.Pages.GetOrder(pfn) : Order.Zero;
        if (order.Value >= HugePageOptions.SmallestOrder)
        {
            LargeFolio folio = machine.UserFrames.Large(pfn);
            int mapped = 0;
            for (uint i = 0; i < order.PageCount; i++)
            {
                mapped += maps.ContainsKey(pfn + i) ? 1 : 0;
            }

            Expect(findings, "entries of a large folio", pfn.Address, held, folio.Entries);
            Expect(findings, "mapped pages of a large folio", pfn.Address, mapped, folio.MappedPages);
            Expect(findings, "a folio mapped in part waits to be split", pfn.Address, mapped < (int)order.PageCount ? 1 : 0, folio.IsQueued ? 1 : 0);
        }
    }

    private static void Expect(List<Corruption> findings, string what, PhysAddr address, long expected, long found)
    {
        if (expected != found)
        {
            findings.Add(new Corruption(CorruptionCategory.Counter, what, address, unchecked((ulong)expected), unchecked((ulong)found)));
        }
    }

    private struct MappingCounter(Process process, Dictionary<Pfn, int> maps, Dictionary<Pfn, int> entries, List<Corruption> findings) : ILeafVisitor
    {
        public long AnonPages { get; private set; }

        public long FilePages { get; private set; }

        public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
        {
            if (!descriptor.IsPresent || descriptor.IsSpecial)
            {
                return true;
            }

            UserFrames frames = process.Machine.UserFrames;
            if (!process.Machine.Pages.Frames.IsValid(descriptor.Pfn))
            {
                findings.Add(new Corruption(CorruptionCategory.PageTable, "entry maps what is no frame", descriptor.OutputAddress, 0, descriptor.ToUInt64()));
                return true;
            }

            uint count = level == PageTable.LastLevel ? 1 : Order.PageBlock.PageCount;
            for (uint i = 0; i < count; i++)
            {
                maps[descriptor.Pfn + i] = maps.GetValueOrDefault(descriptor.Pfn + i) + 1;
            }

            Pfn head = frames.HeadOf(descriptor.Pfn);
            entries[head] = entries.GetValueOrDefault(head) + 1;
            bool isAnonymous = frames.IsAnonymous(descriptor);
            AnonPages += isAnonymous ? count : 0;
            FilePages += isAnonymous ? 0 : count;
            if (level == PageTable.LastLevel && descriptor.IsContiguous)
            {
                CheckRun(address, descriptor);
            }

            return true;
        }

        // Each entry of a run: the frame aligned as the address, its neighbours consecutive in one folio with equal protection.
        private readonly void CheckRun(VirtAddr address, Descriptor entry)
        {
            uint runPages = (uint)PageTable.RunPageCount;
            uint place = (uint)((address.ToUInt64() >> Pfn.PageShift) & (runPages - 1));
            VirtAddr start = new(address.ToUInt64() - ((ulong)place << Pfn.PageShift));
            Descriptor first = process.Tables.Read(start);
            bool isRight = (entry.Pfn.ToUInt32() & (runPages - 1)) == place
                && first.IsContiguous && first.Pfn + place == entry.Pfn
                && process.Machine.UserFrames.IsOneFolio(first.Pfn, runPages)
                && Protection(first) == Protection(entry);
            if (!isRight)
            {
                findings.Add(new Corruption(CorruptionCategory.PageTable, "contiguous run", entry.OutputAddress, first.ToUInt64(), entry.ToUInt64()));
            }
        }

        private static ulong Protection(Descriptor entry) => entry.MakeOld().MakeClean().Attributes.ToUInt64();
    }
}
