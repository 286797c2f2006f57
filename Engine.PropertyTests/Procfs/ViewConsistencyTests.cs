// The views of a process against each other: what smaps, status and statm say in sums must be what a walk over all pages finds,
// page by page, in pagemap, kpagecount and kpageflags. Only accessed and dirty state of an entry, which no file shows, come from the tables.

using Engine.Arm64;
using Engine.Arm64.HugePages;
using Engine.Arm64.Processes;
using Engine.Arm64.Procfs;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;
using Engine.PropertyTests.Support;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.Procfs;

/// <summary>After any sequence of calls and accesses, sums and single pages agree.</summary>
public sealed class ViewConsistencyTests
{
    private const ulong PageBytes = Pfn.PageSizeBytes;

    private static readonly Gen<(int Kind, int Where, int Count, int Process)> Step =
        from kind in Gen.Frequency((4, Gen.Choose(0, 3)), (8, Gen.Choose(4, 5)), (3, Gen.Choose(6, 13)))
        from place in Gen.Choose(0, 30)
        from count in Gen.Choose(1, 12)
        from process in Gen.Choose(0, 3)
        select (kind, place, count, process);

    [Fact]
    public void Sums_are_what_a_walk_over_all_pages_finds() =>
        ModelProperty.Check(Step, steps => Run(steps, isShareIgnored: false), tests: 25, length: 60);

    [Fact]
    public void Sums_are_what_a_walk_finds_where_folios_are_large()
    {
        HugePageOptions large = new() { Sizes = new Dictionary<int, HugePageMode> { [2] = HugePageMode.Always, [4] = HugePageMode.Always } };
        ModelProperty.Check(Step, steps => Run(steps, isShareIgnored: false, large), tests: 25, length: 60);
    }

    [Fact]
    public void A_share_that_is_not_divided_would_be_caught() =>
        ModelProperty.MustFail(Step, steps => Run(steps, isShareIgnored: true), tests: 30);

    private static void Run(IReadOnlyList<(int Kind, int Where, int Count, int Process)> steps, bool isShareIgnored, HugePageOptions? hugePages = null)
    {
        using ViewWorld world = new(32 << 20, hugePages);
        foreach ((int kind, int place, int count, int number) in steps)
        {
            Process process = world.Machine.Processes[number % world.Machine.Processes.Count];
            VirtAddr at = new(0x1000_0000 + ((ulong)place * PageBytes));
            Do(world, process, kind, at, count);
        }

        foreach (Process process in world.Machine.Processes)
        {
            Compare(world, process, isShareIgnored);
            Assert.True(process.Memory.Verify());
        }
    }

    private static void Do(ViewWorld world, Process process, int kind, VirtAddr at, int count)
    {
        CpuId cpu = world.Cpu;
        ulong length = (ulong)count * PageBytes;
        const MapFlags anonymous = MapFlags.Fixed | MapFlags.Anonymous;
        world.Run(process);
        switch (kind)
        {
            case 0:
                process.Memory.Map(cpu, at, length, ViewWorld.ReadWrite, anonymous | MapFlags.Private, MappedFile.None, 0);
                break;
            case 1:
                process.Memory.Map(cpu, at, length, ViewWorld.ReadWrite, anonymous | MapFlags.Shared, MappedFile.None, 0);
                break;
            case 2:
                process.Memory.Map(cpu, at, length, ViewWorld.ReadWrite, MapFlags.Fixed | MapFlags.Private, world.Disk.ToMappedFile(), length);
                break;
            case 3:
                process.Memory.Map(cpu, at, length, ViewWorld.ReadWrite, MapFlags.Fixed | MapFlags.Shared, world.Shmem.ToMappedFile(), length);
                break;
            case 4 or 5:
                for (int i = 0; i < count; i++)
                {
                    _ = kind == 4 ? world.Machine.Cpus[0].TryWrite(at + ((ulong)i * PageBytes), 1) : world.Machine.Cpus[0].TryRead(at + ((ulong)i * PageBytes), out _);
                }

                break;
            case 6 when world.Machine.Processes.Count < 4:
                Assert.NotNull(process.Fork(cpu, "child"));
                break;
            case 7 when process != world.First:
                process.Exit(cpu);
                world.Run(world.First);
                break;
            case 8:
                process.Memory.Unmap(cpu, at, length);
                break;
            case 9:
                process.Memory.Lock(cpu, at, length, isOnFault: false);
                break;
            case 10:
                process.Memory.Advise(cpu, at, length, count % 2 == 0 ? MemoryAdvice.Free : MemoryAdvice.DontNeed);
                break;
            case 11:
                process.ClearReferences((ClearRefs)(1 + (count % 3)));
                break;
            case 12:
                process.Memory.Protect(cpu, at, length, count % 2 == 0 ? MemoryProtection.Read : MemoryProtection.None);
                break;
            default:
                process.SetAreaName(cpu, at, length, count % 2 == 0 ? "even" : null);
                break;
        }
    }

    private static void Compare(ViewWorld world, Process process, bool isShareIgnored)
    {
        Dictionary<string, ulong> sums = [];
        ulong share = 0;
        ulong anonymous = 0;
        foreach (ProcEntry entry in world.Smaps(process))
        {
            Tally tally = Walk(world, process, entry, isShareIgnored);
            Dictionary<string, ulong> expected = new()
            {
                ["Size"] = (entry.End - entry.Start) >> 10,
                ["Rss"] = tally.Pages * 4,
                ["Pss"] = tally.Share >> 22,
                ["Pss_Dirty"] = tally.DirtyShare >> 22,
                ["Shared_Clean"] = tally.SharedClean * 4,
                ["Shared_Dirty"] = tally.SharedDirty * 4,
                ["Private_Clean"] = tally.PrivateClean * 4,
                ["Private_Dirty"] = tally.PrivateDirty * 4,
                ["Referenced"] = tally.Referenced * 4,
                ["Anonymous"] = tally.Anonymous * 4,
                ["Locked"] = entry.Flags.Contains("lo", StringComparison.Ordinal) ? tally.Share >> 22 : 0,
            };
            foreach ((string label, ulong value) in expected)
            {
                Assert.True(value == entry.Values[label], $"{label} of {entry.Start:x}: {entry.Values[label]} instead of {value}");
                sums[label] = sums.GetValueOrDefault(label) + value;
            }

            share += tally.Share;
            anonymous += tally.Anonymous;
        }

        ulong resident = sums.GetValueOrDefault("Rss");
        Assert.Equal(sums.GetValueOrDefault("Size"), world.Status(process, "VmSize"));
        Assert.Equal((resident, anonymous * 4), (world.Status(process, "VmRSS"), world.Status(process, "RssAnon")));
        Assert.StartsWith($"{sums.GetValueOrDefault("Size") / 4} {resident / 4} {(resident / 4) - anonymous} ", world.Read($"{process.Pid}/statm"), StringComparison.Ordinal);
        ProcEntry rollup = Assert.Single(ProcReader.Parse(world.Read($"{process.Pid}/smaps_rollup")));
        Assert.Equal((resident, share >> 22, anonymous * 4), (rollup.Values["Rss"], rollup.Values["Pss"], rollup.Values["Anonymous"]));
    }

    private static Tally Walk(ViewWorld world, Process process, ProcEntry entry, bool isShareIgnored)
    {
        Tally tally = new();
        for (ulong page = entry.Start / PageBytes; page < entry.End / PageBytes; page++)
        {
            ulong word = world.Word($"{process.Pid}/pagemap", page);
            ulong pfn = word & ((1ul << 55) - 1);
            KernelPageFlags flags = word >> 63 != 0 ? (KernelPageFlags)world.Word("kpageflags", pfn) : KernelPageFlags.ZeroPage;
            if ((flags & KernelPageFlags.ZeroPage) != 0)
            {
                continue;
            }

            ulong mappings = world.Word("kpagecount", pfn);
            Assert.NotEqual(0ul, mappings);
            Assert.NotEqual(KernelPageFlags.None, flags & KernelPageFlags.Mapped);
            bool isAnonymous = (flags & KernelPageFlags.Anonymous) != 0;
            Assert.Equal((mappings == 1, !isAnonymous), ((word >> 56 & 1) != 0, (word >> 61 & 1) != 0));
            Descriptor descriptor = process.Tables.ReadGathered(new VirtAddr(page * PageBytes));
            KernelPageFlags folio = FlagsOfHead(world, pfn);
            tally.Add(
                isShareIgnored ? 1 : mappings, isAnonymous,
                isDirty: descriptor.IsDirty || (folio & KernelPageFlags.Dirty) != 0,
                isReferenced: descriptor.IsYoung || (folio & KernelPageFlags.Referenced) != 0);
        }

        return tally;
    }

    // What a large folio is, its first frame says.
    private static KernelPageFlags FlagsOfHead(ViewWorld world, ulong pfn)
    {
        while (((KernelPageFlags)world.Word("kpageflags", pfn) & KernelPageFlags.CompoundTail) != 0)
        {
            pfn--;
        }

        return (KernelPageFlags)world.Word("kpageflags", pfn);
    }

    private sealed class Tally
    {
        public ulong Pages { get; private set; }

        public ulong Share { get; private set; }

        public ulong DirtyShare { get; private set; }

        public ulong SharedClean { get; private set; }

        public ulong SharedDirty { get; private set; }

        public ulong PrivateClean { get; private set; }

        public ulong PrivateDirty { get; private set; }

        public ulong Referenced { get; private set; }

        public ulong Anonymous { get; private set; }

        public void Add(ulong mappings, bool isAnonymous, bool isDirty, bool isReferenced)
        {
            ulong part = (PageBytes << 12) / mappings;
            Pages++;
            Share += part;
            DirtyShare += isDirty ? part : 0;
            Anonymous += isAnonymous ? 1ul : 0;
            Referenced += isReferenced ? 1ul : 0;
            SharedDirty += mappings > 1 && isDirty ? 1ul : 0;
            SharedClean += mappings > 1 && !isDirty ? 1ul : 0;
            PrivateDirty += mappings == 1 && isDirty ? 1ul : 0;
            PrivateClean += mappings == 1 && !isDirty ? 1ul : 0;
        }
    }
}
