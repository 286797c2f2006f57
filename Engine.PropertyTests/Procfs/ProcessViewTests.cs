using System.Globalization;
using Engine.Arm64;
using Engine.Arm64.HugePages;
using Engine.Arm64.Processes;
using Engine.Arm64.Procfs;
using Engine.Arm64.Units;
using Engine.Core.Diagnostics.Procfs;
using Engine.Core.Units;
using Engine.PropertyTests.MmsimTests;
using Xunit;

namespace Engine.PropertyTests.Procfs;

/// <summary>The process views have Linux's format, and say what was done.</summary>
public sealed class ProcessViewTests
{
    private const ulong PageBytes = Pfn.PageSizeBytes;
    private const MapFlags PrivateAnonymous = MapFlags.Private | MapFlags.Anonymous;

    [Fact]
    public void Maps_prints_each_kind_of_mapping_as_the_kernel_does()
    {
        using ViewWorld world = new();
        Process process = world.First;
        world.Map(process, 2, ViewWorld.ReadWrite, PrivateAnonymous | MapFlags.Fixed, address: 0x1000_0000);
        world.Map(process, 3, MemoryProtection.Read | MemoryProtection.Exec, MapFlags.Private | MapFlags.Fixed, world.Disk, 5, 0x2000_0000);
        world.Map(process, 1, MemoryProtection.None, MapFlags.Shared | MapFlags.Fixed, world.Shmem, 1, 0x3000_0000);
        world.Map(process, 1, MemoryProtection.Read, MapFlags.Shared | MapFlags.Anonymous | MapFlags.Fixed, address: 0x1234_5678_9000);
        process.Memory.SetStartBrk(new VirtAddr(0x4000_0000));
        process.Memory.Break(world.Cpu, new VirtAddr(0x4000_0800));
        Assert.Equal(
            $"""
            10000000-10002000 rw-p 00000000 00:00 0 
            20000000-20003000 r-xp 00005000 08:01 {world.Disk.Inode}                                  /usr/lib/libdemo.so.1
            30000000-30001000 ---s 00001000 00:01 {world.Shmem.Inode}                                  /memfd:demo (deleted)
            40000000-40001000 rw-p 00000000 00:00 0                                  [heap]
            123456789000-12345678a000 r--s 00000000 00:01 {world.Machine.Files.TryFind("/dev/zero (deleted)")!.Inode}                          /dev/zero (deleted)

            """.ReplaceLineEndings("\n"),
            world.Read("1/maps"));
    }

    [Fact]
    public void A_line_feed_in_a_path_is_escaped_and_names_are_shown()
    {
        using ViewWorld world = new();
        OpenFile odd = world.Machine.OpenFile("/tmp/a\nb\\c d", new Core.PageCache.MemoryBacking(PageBytes));
        world.Map(world.First, 1, MemoryProtection.Read, MapFlags.Private, odd);
        VirtAddr anonymous = world.Map(world.First, 2, ViewWorld.ReadWrite, PrivateAnonymous);
        VirtAddr shared = world.Map(world.First, 2, ViewWorld.ReadWrite, MapFlags.Shared | MapFlags.Anonymous);
        Assert.Equal(Errno.None, world.First.SetAreaName(world.Cpu, anonymous, PageBytes, "malloc arena 1").Errno);
        Assert.Equal(Errno.None, world.First.SetAreaName(world.Cpu, shared, 2 * PageBytes, "ring").Errno);
        List<string> names = [.. ProcReader.Parse(world.Read("1/maps")).Select(entry => entry.Name)];
        Assert.Contains("/tmp/a\\012b\\c d", names);
        Assert.Contains("[anon:malloc arena 1]", names);
        Assert.Contains("[anon_shmem:ring]", names);
        Assert.Equal(4, names.Count);
    }

    // What Linux 6.18 printed for the same mappings, but for the devices and inodes.
    [Fact]
    public void Flags_of_each_kind_of_mapping_are_the_kernels()
    {
        using ViewWorld world = new();
        Process process = world.First;
        OpenFile readOnly = world.Machine.Files.Reopen(world.Disk, MappedFileModes.Read);
        const MemoryProtection none = MemoryProtection.None;
        const MemoryProtection read = MemoryProtection.Read;
        const MapFlags sharedAnonymous = MapFlags.Shared | MapFlags.Anonymous;
        (string Expected, MemoryProtection Protection, MapFlags Flags, OpenFile? File, MemoryAdvice Advice)[] cases =
        [
            ("rw-p rd wr mr mw me ac ", ViewWorld.ReadWrite, PrivateAnonymous, null, MemoryAdvice.Normal),
            ("rw-s rd wr sh mr mw me ms ", ViewWorld.ReadWrite, sharedAnonymous, null, MemoryAdvice.Normal),
            ("r--p rd mr mw me ", read, MapFlags.Private, world.Disk, MemoryAdvice.Normal),
            ("rw-s rd wr sh mr mw me ms ", ViewWorld.ReadWrite, MapFlags.Shared, world.Disk, MemoryAdvice.Normal),
            ("r--s rd mr me ms ", read, MapFlags.Shared, readOnly, MemoryAdvice.Normal),
            ("---s mr me ms ", none, MapFlags.Shared, readOnly, MemoryAdvice.Normal),
            ("rw-p rd wr mr mw me ac ", ViewWorld.ReadWrite, MapFlags.Private, world.Shmem, MemoryAdvice.Normal),
            ("rw-p rd wr mr mw me gd ac ", ViewWorld.ReadWrite, PrivateAnonymous | MapFlags.GrowsDown, null, MemoryAdvice.Normal),
            ("rw-p rd wr mr mw me ac nh ", ViewWorld.ReadWrite, PrivateAnonymous | MapFlags.Stack, null, MemoryAdvice.Normal),
            ("rw-p rd wr mr mw me nr ", ViewWorld.ReadWrite, PrivateAnonymous | MapFlags.NoReserve, null, MemoryAdvice.Normal),
            ("rw-p rd wr mr mw me lo ac ", ViewWorld.ReadWrite, PrivateAnonymous | MapFlags.Locked, null, MemoryAdvice.Normal),
            ("rw-p rd wr mr mw me dc ac ", ViewWorld.ReadWrite, PrivateAnonymous, null, MemoryAdvice.DontFork),
            ("rw-p rd wr mr mw me ac wf ", ViewWorld.ReadWrite, PrivateAnonymous, null, MemoryAdvice.WipeOnFork),
            ("rw-p rd wr mr mw me ac dd ", ViewWorld.ReadWrite, PrivateAnonymous, null, MemoryAdvice.DontDump),
            ("r--p rd mr mw me sr ", read, MapFlags.Private, world.Disk, MemoryAdvice.Sequential),
            ("r--p rd mr mw me rr ", read, MapFlags.Private, world.Disk, MemoryAdvice.Random),
            ("rw-p rd wr mr mw me ac hg ", ViewWorld.ReadWrite, PrivateAnonymous, null, MemoryAdvice.HugePage),
            ("rw-p rd wr mr mw me ac nh ", ViewWorld.ReadWrite, PrivateAnonymous, null, MemoryAdvice.NoHugePage),
            ("rw-p rd wr mr mw me ac mg ", ViewWorld.ReadWrite, PrivateAnonymous, null, MemoryAdvice.Mergeable),
            ("-w-p wr mr mw me ac ", MemoryProtection.Write, PrivateAnonymous, null, MemoryAdvice.Normal),
            ("--xp ex mr mw me ", MemoryProtection.Exec, PrivateAnonymous, null, MemoryAdvice.Normal),
            ("---p mr mw me ", none, PrivateAnonymous, null, MemoryAdvice.Normal),
            ("---s sh mr mw me ms ", none, sharedAnonymous, null, MemoryAdvice.Normal),
        ];
        for (int i = 0; i < cases.Length; i++)
        {
            VirtAddr place = world.Map(process, 2, cases[i].Protection, cases[i].Flags | MapFlags.Fixed, cases[i].File, 0, 0x2000_0000_0000 + ((ulong)i << 20));
            Assert.False(process.Memory.Advise(world.Cpu, place, 2 * PageBytes, cases[i].Advice).IsError);
        }

        Assert.Equal(cases.Select(one => one.Expected), ProcReader.Parse(world.Read("1/smaps")).Select(entry => $"{entry.Access} {entry.Flags}"));
    }

    // status escapes what would break a line, stat and comm do not (do_task_stat, comm_show).
    [Fact]
    public void A_name_of_anything_is_shown_as_the_kernel_does()
    {
        using Machine machine = new(new MachineOptions { MemoryBytes = 16 << 20 });
        Process process = machine.CreateProcess("a\nb\\c d)(\te");
        Assert.True(machine.Procfs.TryRead($"{process.Pid}/stat", out string stat));
        Assert.StartsWith("1 (a\nb\\c d)(\te) S 0 1 1 ", stat, StringComparison.Ordinal);
        Assert.True(machine.Procfs.TryRead($"{process.Pid}/comm", out string comm));
        Assert.Equal("a\nb\\c d)(\te\n", comm);
        Assert.True(machine.Procfs.TryRead($"{process.Pid}/status", out string status));
        Assert.StartsWith("Name:\ta\\nb\\\\c d)(\te\nUmask:", status, StringComparison.Ordinal);
    }

    [Fact]
    public void An_empty_process_has_empty_views()
    {
        using ViewWorld world = new();
        Assert.Equal("", world.Read("1/maps"));
        Assert.Equal("", world.Read("1/smaps"));
        Assert.Equal("0 0 0 0 0 0 0\n", world.Read("1/statm"));
        Assert.StartsWith("00000000-00000000 ---p 00000000 00:00 0                                  [rollup]\nRss:                   0 kB\n", world.Read("1/smaps_rollup"), StringComparison.Ordinal);
        Assert.Equal(0ul, world.Status(world.First, "VmSize"));
        Assert.Equal("first\n", world.Read("1/comm"));
    }

    [Fact]
    public void Smaps_of_one_page_is_what_the_kernel_selftest_expects()
    {
        using ViewWorld world = new();
        VirtAddr page = world.Map(world.First, 1, MemoryProtection.Read | MemoryProtection.Exec, PrivateAnonymous | MapFlags.Fixed, address: 0x1_0000_0000);
        world.Touch(world.First, page, isWrite: false);
        Assert.Equal(
            """
            100000000-100001000 r-xp 00000000 00:00 0 
            Size:                  4 kB
            KernelPageSize:        4 kB
            MMUPageSize:           4 kB
            Rss:                   0 kB
            Pss:                   0 kB
            Pss_Dirty:             0 kB
            Shared_Clean:          0 kB
            Shared_Dirty:          0 kB
            Private_Clean:         0 kB
            Private_Dirty:         0 kB
            Referenced:            0 kB
            Anonymous:             0 kB
            KSM:                   0 kB
            LazyFree:              0 kB
            AnonHugePages:         0 kB
            ShmemPmdMapped:        0 kB
            FilePmdMapped:         0 kB
            Shared_Hugetlb:        0 kB
            Private_Hugetlb:       0 kB
            Swap:                  0 kB
            SwapPss:               0 kB
            Locked:                0 kB
            THPeligible:           0
            VmFlags: rd ex mr mw me 

            """.ReplaceLineEndings("\n"),
            world.Read("1/smaps"));
    }

    [Fact]
    public void Huge_pages_show_in_every_view()
    {
        using ViewWorld world = new(hugePages: new HugePageOptions { Enabled = HugePageMode.Always });
        VirtAddr block = world.Map(world.First, 512, ViewWorld.ReadWrite, PrivateAnonymous | MapFlags.Fixed, address: 0x4000_0000);
        VirtAddr small = world.Map(world.First, 511, ViewWorld.ReadWrite, PrivateAnonymous | MapFlags.Fixed, address: 0x5000_1000);
        world.Touch(world.First, block, isWrite: true);
        ProcEntry huge = world.SmapsOf(world.First, block);
        Assert.Equal((2048ul, 2048ul, 2048ul, 1ul), (huge.Values["Rss"], huge.Values["Pss"], huge.Values["AnonHugePages"], huge.Values["THPeligible"]));
        Assert.Equal(0ul, world.SmapsOf(world.First, small).Values["THPeligible"]);
        ulong pfn = world.Word("1/pagemap", (block.ToUInt64() / PageBytes) + 5) & ((1ul << 55) - 1);
        Assert.Equal(5ul, pfn % 512);
        const KernelPageFlags tail = KernelPageFlags.CompoundTail | KernelPageFlags.TransparentHuge | KernelPageFlags.Mapped | KernelPageFlags.Anonymous;
        Assert.Equal(tail, FlagsAt(world, pfn) & ~KernelPageFlags.MappedToDisk);
        Assert.Equal(KernelPageFlags.CompoundHead, FlagsAt(world, pfn - 5) & KernelPageFlags.CompoundHead);
        Assert.Equal(Errno.None, world.First.Prctl(world.Cpu, PrctlOption.SetThpDisable, 1, 0, 0, 0).Errno);
        Assert.Equal(0ul, world.SmapsOf(world.First, block).Values["THPeligible"]);
    }

    [Fact]
    public void A_page_counts_by_its_share_and_sums_keep_the_rest()
    {
        using ViewWorld world = new();
        VirtAddr pages = world.Map(world.First, 3, ViewWorld.ReadWrite, PrivateAnonymous);
        VirtAddr apart = world.Map(world.First, 1, MemoryProtection.Read, PrivateAnonymous);
        Assert.NotEqual(apart + PageBytes, pages + (3 * PageBytes));
        for (int i = 0; i < 3; i++)
        {
            world.Touch(world.First, pages + ((ulong)i * PageBytes), isWrite: true);
        }

        Process second = world.First.Fork(world.Cpu, "second")!;
        _ = world.First.Fork(world.Cpu, "third")!;

        // Three pages shared by three: each 4,096 / 3 with 12 binary places, so together 4,095 and something: 3 KiB.
        Assert.Equal(3ul, world.SmapsOf(world.First, pages).Values["Pss"]);
        Assert.Equal(12ul, world.SmapsOf(world.First, pages).Values["Shared_Dirty"]);
        Assert.Contains("Pss:                   3 kB\n", world.Read("2/smaps_rollup"), StringComparison.Ordinal);
        world.Touch(second, pages, isWrite: true);
        ProcEntry own = world.SmapsOf(second, pages);
        Assert.Equal((6ul, 4ul, 8ul), (own.Values["Pss"], own.Values["Private_Dirty"], own.Values["Shared_Dirty"]));
    }

    [Fact]
    public void Status_and_statm_count_what_is_mapped_and_the_peak_stays()
    {
        using ViewWorld world = new();
        Process process = world.First;
        VirtAddr data = world.Map(process, 10, ViewWorld.ReadWrite, PrivateAnonymous);
        VirtAddr text = world.Map(process, 4, MemoryProtection.Read | MemoryProtection.Exec, MapFlags.Private, world.Disk);
        world.Map(process, 8, ViewWorld.ReadWrite, PrivateAnonymous | MapFlags.GrowsDown);
        process.Memory.State.StartCode = text;
        process.Memory.State.EndCode = text + 100;
        for (int i = 0; i < 6; i++)
        {
            world.Touch(process, data + ((ulong)i * PageBytes), isWrite: true);
        }

        world.Touch(process, text, isWrite: false);
        Assert.Equal(Errno.None, process.Memory.Unmap(world.Cpu, data, 4 * PageBytes).Errno);
        ulong file = world.Status(process, "RssFile") / 4;
        Assert.InRange(file, 1ul, 4ul);
        Assert.Equal((18ul * 4, 22ul * 4), (world.Status(process, "VmSize"), world.Status(process, "VmPeak")));
        Assert.Equal(((2 + file) * 4, (6 + file) * 4), (world.Status(process, "VmRSS"), world.Status(process, "VmHWM")));
        Assert.Equal((8ul, 32ul), (world.Status(process, "RssAnon"), world.Status(process, "VmStk")));
        Assert.Equal((24ul, 4ul, 12ul), (world.Status(process, "VmData"), world.Status(process, "VmExe"), world.Status(process, "VmLib")));
        Assert.Equal((ulong)process.Tables.PageTablePages * 4, world.Status(process, "VmPTE"));
        Assert.Equal($"18 {2 + file} {file} 1 0 14 0\n", world.Read("1/statm"));
        Assert.Equal(Errno.None, process.ClearReferences(ClearRefs.ResidentPeak).Errno);
        Assert.Equal((2 + file) * 4, world.Status(process, "VmHWM"));
    }

    [Fact]
    public void Clear_refs_forgets_use_by_kind_of_mapping()
    {
        using ViewWorld world = new();
        VirtAddr anonymous = world.Map(world.First, 1, ViewWorld.ReadWrite, PrivateAnonymous);
        VirtAddr file = world.Map(world.First, 1, MemoryProtection.Read, MapFlags.Private, world.Disk);
        void Expect(ulong ofAnonymous, ulong ofFile) => Assert.Equal(
            (ofAnonymous, ofFile), (world.SmapsOf(world.First, anonymous).Values["Referenced"], world.SmapsOf(world.First, file).Values["Referenced"]));

        world.Touch(world.First, anonymous, isWrite: true);
        world.Touch(world.First, file, isWrite: false);
        Expect(4, 4);
        Assert.Equal(Errno.None, world.First.ClearReferences(ClearRefs.Anonymous).Errno);
        Expect(0, 4);

        // The TLB still has the page, as on Linux: no flush, so nothing is marked. The soft-dirty reset flushes.
        world.Touch(world.First, anonymous, isWrite: true);
        Expect(0, 4);
        Assert.Equal(Errno.None, world.First.ClearReferences(ClearRefs.SoftDirty).Errno);
        world.Touch(world.First, anonymous, isWrite: false);
        Expect(4, 4);
        Assert.Equal(Errno.None, world.First.ClearReferences(ClearRefs.Mapped).Errno);
        Expect(4, 0);
        Assert.Equal(Errno.None, world.First.ClearReferences(ClearRefs.All).Errno);
        Expect(0, 0);
        foreach (int bad in (int[])[0, 6, -1])
        {
            Assert.Equal(Errno.EINVAL, world.First.ClearReferences((ClearRefs)bad).Errno);
        }
    }

    [Fact]
    public void Kpageflags_tells_what_frames_are()
    {
        using ViewWorld world = new();
        VirtAddr anonymous = world.Map(world.First, 2, ViewWorld.ReadWrite, PrivateAnonymous);
        VirtAddr file = world.Map(world.First, 1, MemoryProtection.Read, MapFlags.Private, world.Disk);
        VirtAddr shared = world.Map(world.First, 1, ViewWorld.ReadWrite, MapFlags.Shared, world.Shmem);
        world.Touch(world.First, anonymous, isWrite: true);
        world.Touch(world.First, anonymous + PageBytes, isWrite: false);
        world.Touch(world.First, file, isWrite: false);
        world.Touch(world.First, shared, isWrite: true);

        // A page that waits in its CPU's batch is on no list yet.
        world.Machine.Pages.Lru.DrainAll();
        KernelPageFlags Of(VirtAddr address) => FlagsAt(world, world.Word("1/pagemap", address.ToUInt64() / PageBytes) & ((1ul << 55) - 1));

        const KernelPageFlags used = KernelPageFlags.Uptodate | KernelPageFlags.Lru | KernelPageFlags.Mapped;
        Assert.Equal(used | KernelPageFlags.Anonymous | KernelPageFlags.SwapBacked | KernelPageFlags.MappedToDisk, Of(anonymous));
        Assert.Equal(KernelPageFlags.ZeroPage | KernelPageFlags.Reserved, Of(anonymous + PageBytes));
        Assert.Equal(used, Of(file) & ~KernelPageFlags.Referenced);
        Assert.Equal(used | KernelPageFlags.SwapBacked | KernelPageFlags.Dirty, Of(shared) & ~KernelPageFlags.Referenced);
        Assert.Equal(KernelPageFlags.PageTable, FlagsAt(world, world.First.Tables.Root.ToUInt32()));
        Assert.Equal(KernelPageFlags.Slab, FlagsAt(world, world.First.Memory.Address.Pfn.ToUInt32()) & KernelPageFlags.Slab);
        Assert.Equal(KernelPageFlags.NoPage, FlagsAt(world, 1));
        Pfn first = world.Machine.Pages.Frames.First;
        ulong free = (ulong)Enumerable.Range(0, (int)world.Machine.Pages.Frames.Count).LongCount(i => FlagsAt(world, first.ToUInt32() + (ulong)i) == KernelPageFlags.Buddy);
        Assert.Equal(world.Machine.Pages.Zones.Aggregate(0ul, (sum, zone) => sum + zone.FreePages), free);
    }

    [Fact]
    public void Word_files_are_read_in_whole_words_only_and_end_where_they_end()
    {
        using ViewWorld world = new();
        foreach (string name in (string[])["1/pagemap", "kpageflags", "kpagecount"])
        {
            Assert.True(world.Machine.Procfs.TryOpen(name, out ProcFile? file));
            ProcWordFile words = Assert.IsAssignableFrom<ProcWordFile>(file);
            byte[] buffer = new byte[16];
            Assert.False(words.TryRead(4, buffer, out _));
            Assert.False(words.TryRead(0, buffer.AsSpan(0, 12), out _));
            Assert.True(words.TryRead((words.WordCount - 1) * 8, buffer, out int readBytes));
            Assert.Equal(8, readBytes);
            Assert.True(words.TryRead(words.WordCount * 8, buffer, out readBytes));
            Assert.Equal(0, readBytes);
            Assert.False(world.Machine.Procfs.TryRead(name, out _));
        }

        Assert.Equal(1ul << 36, Assert.IsAssignableFrom<ProcWordFile>(Open(world, "1/pagemap")).WordCount);
    }

    [Fact]
    public void The_tree_holds_every_file_and_a_process_that_ended_is_gone()
    {
        using ViewWorld world = new();
        using TemporaryFolder folder = new();
        VirtAddr page = world.Map(world.First, 1, ViewWorld.ReadWrite, PrivateAnonymous);
        world.Touch(world.First, page, isWrite: true);
        Process child = world.First.Fork(world.Cpu, "child")!;
        string root = folder.PathOf("proc");
        world.Machine.Procfs.WriteTo(root);
        Assert.Contains($"{child.Pid}/maps", world.Machine.Procfs.Names);
        foreach (string name in world.Machine.Procfs.Names)
        {
            Assert.True(File.Exists(Path.Combine(root, name)), name);
        }

        Assert.Equal(world.Read("1/smaps"), File.ReadAllText(Path.Combine(root, "1/smaps")));
        using FileStream pagemap = File.OpenRead(Path.Combine(root, "1/pagemap"));
        pagemap.Position = (long)(page.ToUInt64() / PageBytes * 8);
        byte[] word = new byte[8];
        pagemap.ReadExactly(word);
        Assert.Equal(world.Word("1/pagemap", page.ToUInt64() / PageBytes), BitConverter.ToUInt64(word));
        child.Exit(world.Cpu);
        Assert.DoesNotContain($"{child.Pid}/maps", world.Machine.Procfs.Names);
        Assert.False(world.Machine.Procfs.TryOpen($"{child.Pid}/maps", out _));
        Assert.False(world.Machine.Procfs.TryOpen("1/nothing", out _));
        Assert.False(world.Machine.Procfs.TryOpen("-1/maps", out _));
    }

    [HostProcFact]
    public void Layout_is_that_of_this_machines_kernel()
    {
        using ViewWorld world = new();
        VirtAddr page = world.Map(world.First, 1, ViewWorld.ReadWrite, PrivateAnonymous);
        world.Touch(world.First, page, isWrite: true);
        Assert.NotEmpty(ProcReader.Parse(HostProcFactAttribute.Read("maps")));
        string hostSmaps = HostProcFactAttribute.Read("smaps");
        Compare(string.Join('\n', hostSmaps.Split('\n').Skip(1).TakeWhile(line => !line.StartsWith("VmFlags", StringComparison.Ordinal))), Below(world.Read("1/smaps")), mayLack: ["ProtectionKey"]);
        Compare(Below(HostProcFactAttribute.Read("smaps_rollup")), Below(world.Read("1/smaps_rollup")), mayLack: []);
        string status = HostProcFactAttribute.Read("status");
        Compare(status[status.IndexOf("VmPeak", StringComparison.Ordinal)..status.IndexOf("Threads", StringComparison.Ordinal)], FromPeak(world.Read("1/status")), mayLack: ["x86_Thread_features", "x86_Thread_features_locked"]);
        List<string> task = [.. ProcReader.LabelsOf(status).TakeWhile(label => label != "VmPeak")];
        Assert.Equal(task, ProcReader.LabelsOf(world.Read("1/status")).TakeWhile(label => label != "VmPeak").Intersect(task));
        Assert.Equal(Blanks(HostProcFactAttribute.Read("statm")), Blanks(world.Read("1/statm")));
        Assert.Equal(Blanks(HostProcFactAttribute.Read("stat").Split(") ")[1]), Blanks(world.Read("1/stat").Split(") ")[1]));
    }

    private static int Blanks(string line) => line.Count(c => c == ' ');

    private static string Below(string text) => text[(text.IndexOf('\n', StringComparison.Ordinal) + 1)..].Split("VmFlags")[0];

    private static string FromPeak(string status) => status[status.IndexOf("VmPeak", StringComparison.Ordinal)..status.IndexOf("Threads", StringComparison.Ordinal)];

    // Every label of the host in the host's order (an older kernel, or one with less built in, has fewer), and each line of the same shape.
    private static void Compare(string host, string own, string[] mayLack)
    {
        List<string> hostLabels = [.. ProcReader.LabelsOf(host).Except(mayLack)];
        Assert.NotEmpty(hostLabels);
        Assert.Equal(hostLabels, ProcReader.LabelsOf(own).Intersect(hostLabels));
        Dictionary<string, string> hostLines = host.Split('\n', StringSplitOptions.RemoveEmptyEntries).ToDictionary(ProcReader.LabelOf);
        foreach (string line in own.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => !line.StartsWith("untag", StringComparison.Ordinal)))
        {
            string shape = ProcReader.ShapeOf(line);
            Assert.Equal(hostLines.TryGetValue(ProcReader.LabelOf(line), out string? hostLine) ? ProcReader.ShapeOf(hostLine) : shape, shape);
        }
    }

    private static KernelPageFlags FlagsAt(ViewWorld world, ulong pfn) => (KernelPageFlags)world.Word("kpageflags", pfn);

    private static ProcFile Open(ViewWorld world, string name) =>
        world.Machine.Procfs.TryOpen(name, out ProcFile? file) ? file : throw new FileNotFoundException(string.Create(CultureInfo.InvariantCulture, $"{name}"));
}
