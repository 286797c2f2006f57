using Engine.Arm64;
using Engine.Arm64.Exec;
using Engine.Arm64.Faults;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.PageCache;
using Engine.Core.Units;
using Engine.PropertyTests.Procfs;
using Xunit;

namespace Engine.PropertyTests.Exec;

/// <summary>exec lays a program out as Linux does.</summary>
public sealed class ExecTests
{
    private const ulong PageBytes = Pfn.PageSizeBytes;

    private static readonly ExecOptions Fixed = new()
    {
        Randomization = AddressRandomization.Off,
        Arguments = ["demo", "-v"],
        Environment = ["HOME=/root", "LANG=C"],
    };

    [Fact]
    public void A_position_independent_program_is_laid_out_by_rule()
    {
        using ExecWorld world = new();
        ExecResult result = world.Exec(ElfBuilder.Usual().Build(), Fixed);
        Assert.Equal(Errno.None, result.Errno);

        // The program at two thirds, rounded down to its 64 KiB. The least gap below the stack is 128 MiB; there ends the linker, whose whole
        // span was mapped first. The hole that its alignment leaves holds the kernel's pages, as on real machines.
        Assert.Equal(
            [
                "aaaaaaaa0000-aaaaaaaa2000 r-xp 0 /usr/bin/demo",
                "aaaaaaab2000-aaaaaaab3000 r--p 2000 /usr/bin/demo",
                "aaaaaaac3000-aaaaaaac5000 rw-p 3000 /usr/bin/demo",
                "aaaaaaac5000-aaaaaaac8000 rw-p 0 ",
                "fffff7feb000-fffff7fee000 r-xp 0 /lib/ld-linux-aarch64.so.1",
                "fffff7ffa000-fffff7ffc000 r--p 0 [vvar]",
                "fffff7ffc000-fffff7ffe000 r-xp 0 [vdso]",
                "fffff7ffe000-fffff7fff000 rw-p 3000 /lib/ld-linux-aarch64.so.1",
                "fffff7fff000-fffff8000000 rw-p 0 ",
                "fffffffdf000-1000000000000 rw-p 0 [stack]",
            ],
            world.Entries().Select(Describe));
        Assert.Equal(0xaaaaaaac8000ul, world.Process.Memory.State.StartBrk.ToUInt64());
        Assert.Equal((0xaaaaaaaa1000ul, 0xfffff7feb000ul, 0xfffff7feb000ul + 0x1040), (result.ProgramEntry.ToUInt64(), result.InterpreterBase.ToUInt64(), result.EntryPoint.ToUInt64()));
        Assert.Equal("demo", world.Process.Name);
        Assert.Equal(world.Linker.Inode, world.Entries()[4].Inode);
        world.Verify();
    }

    [Fact]
    public void The_stack_holds_arguments_environment_and_auxiliary_vector()
    {
        using ExecWorld world = new();
        ExecResult result = world.Exec(ElfBuilder.Usual().Build(), Fixed);
        (List<string> arguments, List<string> environment, Dictionary<AuxiliaryType, ulong> vector) = world.ReadStack(result.StackPointer);
        Assert.Equal(Fixed.Arguments, arguments);
        Assert.Equal(Fixed.Environment, environment);
        Assert.Equal(0ul, result.StackPointer.ToUInt64() % 16);
        Assert.Equal("/usr/bin/demo", world.ReadString(vector[AuxiliaryType.FileName]));
        Assert.Equal("aarch64", world.ReadString(vector[AuxiliaryType.Platform]));
        Assert.Equal((0xaaaaaaaa0000ul + 64, 56ul, 5ul), (vector[AuxiliaryType.ProgramHeaders], vector[AuxiliaryType.ProgramHeaderBytes], vector[AuxiliaryType.ProgramHeaderCount]));
        Assert.Equal((result.ProgramEntry.ToUInt64(), result.InterpreterBase.ToUInt64(), result.Vdso.ToUInt64()), (vector[AuxiliaryType.Entry], vector[AuxiliaryType.InterpreterBase], vector[AuxiliaryType.Vdso]));
        Assert.True(world.Machine.Cpus[0].TryRead(new VirtAddr(0xaaaaaaaa0000), out _) <= FaultResult.Major);
        Assert.Equal(0x464c457ful, world.ReadWord(new VirtAddr(0xaaaaaaaa0000)) & uint.MaxValue);
        Assert.Equal(FaultResult.Minor, world.Machine.Cpus[0].TryRead(result.Vdso + 1, out byte letter));
        Assert.Equal((byte)'E', letter);

        // The end of data in its last page is zero, the byte before is the file's; bss is zero.
        VirtAddr end = new(0xaaaaaaac3a00 + 0x700);
        Assert.NotEqual(0ul, world.ReadWord(new VirtAddr(end.ToUInt64() - 8)));
        Assert.Equal(0ul, world.ReadWord(end));
        Assert.Equal(FaultResult.Minor, world.Machine.Cpus[0].TryRead(new VirtAddr(0xaaaaaaac6000), out byte zero));
        Assert.Equal(0, zero);
        Assert.Equal("demo\0-v\0", System.Text.Encoding.UTF8.GetString(ReadBytes(world, "cmdline")));
        Assert.Equal("HOME=/root\0LANG=C\0", System.Text.Encoding.UTF8.GetString(ReadBytes(world, "environ")));
        Assert.Equal(23 * 16, ReadBytes(world, "auxv").Length);
        Assert.Equal((ulong)AuxiliaryType.Vdso, BitConverter.ToUInt64(ReadBytes(world, "auxv")));
    }

    [Fact]
    public void The_kernels_pages_look_as_on_linux()
    {
        using ExecWorld world = new();
        ExecResult result = world.Exec(ElfBuilder.Usual().Build(), Fixed);
        Cpu cpu = world.Machine.Cpus[0];
        Assert.Equal(FaultResult.Minor, cpu.TryRead(result.Vdso, out _));
        Assert.Equal(FaultResult.Minor, cpu.TryRead(new VirtAddr(result.Vdso.ToUInt64() - PageBytes), out _));
        Assert.Equal(FaultResult.SegvAccErr, cpu.TryWrite(new VirtAddr(result.Vdso.ToUInt64() - PageBytes), 1));
        Assert.True(world.Machine.Procfs.TryRead("1/smaps", out string smaps));
        List<ProcEntry> entries = ProcReader.Parse(smaps);
        ProcEntry data = entries.Single(entry => entry.Name == "[vvar]");
        ProcEntry code = entries.Single(entry => entry.Name == "[vdso]");
        Assert.Equal(("rd mr pf de ", 0ul, "00:00"), (data.Flags, data.Values["Rss"], data.Device));
        Assert.Equal(("rd ex mr mw me de ", 0ul), (code.Flags, code.Inode));
        Assert.InRange(code.Values["Rss"], 4ul, 8ul);
        Assert.Equal("rd wr mr mw me gd ac ", entries.Single(entry => entry.Name == "[stack]").Flags);
        world.Process.Exit(world.Cpu);
        world.Verify();
    }

    [Fact]
    public void A_fixed_program_lies_where_it_says_and_needs_no_linker()
    {
        using ExecWorld world = new();
        ElfBuilder builder = new() { Type = 2, Entry = 0x400100 };
        builder.Add(ElfBuilder.Load, 5, 0, 0x400000, 0x1000, 0x1000).Add(ElfBuilder.Load, 6, 0x1000, 0x411000, 0x1000, 0x1001);
        ExecResult result = world.Exec(builder.Build(), Fixed);
        Assert.Equal((Errno.None, 0x400100ul, 0ul), (result.Errno, result.EntryPoint.ToUInt64(), result.InterpreterBase.ToUInt64()));
        Assert.Equal(
            ["400000-401000 r-xp 0 /usr/bin/demo", "411000-412000 rw-p 1000 /usr/bin/demo", "412000-413000 rw-p 0 ", "fffff7ffc000-fffff7ffe000 r--p 0 [vvar]"],
            world.Entries().Take(4).Select(Describe));
        Assert.Equal(0x413000ul, world.Process.Memory.State.StartBrk.ToUInt64());
        Assert.Equal(0x413800ul, world.Process.Memory.Break(world.Cpu, new VirtAddr(0x413800)).Value);
        Assert.Contains("[heap]", world.Maps(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_seed_decides_what_is_random()
    {
        HashSet<string> layouts = [];
        for (ulong seed = 0; seed < 12; seed++)
        {
            string[] twice = [Layout(seed), Layout(seed)];
            Assert.Equal(twice[0], twice[1]);
            layouts.Add(twice[0]);
        }

        Assert.Equal(12, layouts.Count);

        static string Layout(ulong seed)
        {
            using ExecWorld world = new();
            ExecResult result = world.Exec(ElfBuilder.Usual().Build(), Fixed with { Randomization = AddressRandomization.Full, Seed = seed });
            Assert.Equal(Errno.None, result.Errno);
            ref MmStruct mm = ref world.Process.Memory.State;
            List<ProcEntry> entries = world.Entries();
            Assert.InRange(entries[0].Start, 0xaaaaaaaa0000ul, 0xaaaaaaaa0000ul + (1ul << 30));
            Assert.InRange(entries[^1].End, (1ul << 48) - (1ul << 30), 1ul << 48);
            ulong gap = (8ul << 20) + (1ul << 20) + (0x3fffful << 12);
            Assert.InRange(mm.MmapBase.ToUInt64(), (1ul << 48) - gap - (1ul << 30), (1ul << 48) - gap);
            Assert.InRange(mm.StartBrk.ToUInt64(), entries[3].End + PageBytes, entries[3].End + (1ul << 30));
            world.ReadStack(result.StackPointer);
            world.Verify();
            return $"{world.Maps()}{mm.StartBrk}{result.StackPointer}";
        }
    }

    [Fact]
    public void Legacy_layout_places_upwards_from_a_quarter()
    {
        using ExecWorld world = new();
        world.Process.Memory.Limits.StackBytes = ResourceLimits.Infinity;
        ExecResult result = world.Exec(ElfBuilder.Usual().Build(), Fixed);
        Assert.Equal((Errno.None, 0x4000_0000_0000ul), (result.Errno, result.InterpreterBase.ToUInt64()));
    }

    [Fact]
    public void What_is_no_program_is_refused_and_changes_nothing()
    {
        using ExecWorld world = new();
        world.Process.Memory.Map(world.Cpu, default, PageBytes, MemoryProtection.Read, MapFlags.Private | MapFlags.Anonymous, MappedFile.None, 0);
        string before = world.Maps();
        void Refuse(Errno expected, byte[] program, ExecOptions? options = null)
        {
            ExecResult result = world.Exec(program, options ?? Fixed);
            Assert.Equal((expected, false), (result.Errno, result.IsKilled));
            Assert.Equal(before, world.Maps());
        }

        Refuse(Errno.ENOEXEC, []);
        Refuse(Errno.ENOEXEC, "#!/bin/sh\n"u8.ToArray());
        Refuse(Errno.ENOEXEC, ElfBuilder.Usual().Build()[..100]);
        Refuse(Errno.ENOEXEC, new ElfBuilder { Type = 1 }.Add(ElfBuilder.Load, 5, 0, 0, 1, 1).Build());
        Refuse(Errno.ENOEXEC, new ElfBuilder { Machine = 62 }.Add(ElfBuilder.Load, 5, 0, 0, 1, 1).Build());
        Refuse(Errno.ENOEXEC, new ElfBuilder().Build());
        Refuse(Errno.ENOEXEC, new ElfBuilder().Add(ElfBuilder.Interp, 4, 0x300, 0, 5, 5).Build());
        Refuse(Errno.ENOEXEC, new ElfBuilder().Add(ElfBuilder.Interp, 4, 0x300, 0, 1, 1).Build());
        Refuse(Errno.EIO, new ElfBuilder().Add(ElfBuilder.Interp, 4, 0x7fff, 0, 50, 50).Build());
        Refuse(Errno.ENOENT, ElfBuilder.Usual("/lib/none.so").Build());
        world.Add("/lib/text.so", [.. "no linker"u8, .. new byte[64]]);
        Refuse(Errno.ELIBBAD, ElfBuilder.Usual("/lib/text.so").Build());
        Refuse(Errno.EINVAL, new ElfBuilder().Add(ElfBuilder.Interp, 4, ulong.MaxValue - 10, 0, 50, 50).Build());
        world.Add("/lib/short.so", ElfBuilder.Usual(null).Build()[..63]);
        Refuse(Errno.EIO, ElfBuilder.Usual("/lib/short.so").Build());
        Refuse(Errno.E2BIG, ElfBuilder.Usual().Build(), Fixed with { Arguments = [new string('x', 32 * 4096)] });
        Refuse(Errno.E2BIG, ElfBuilder.Usual().Build(), Fixed with { Environment = [.. Enumerable.Repeat(new string('x', 100_000), 30)] });
        OpenFile file = world.Machine.OpenFile("/mnt/noexec", new MemoryBacking(ElfBuilder.Usual().Build()));
        OpenFile noExec = world.Machine.Files.Reopen(file, MappedFileModes.Read | MappedFileModes.NoExec);
        Assert.Equal(Errno.EACCES, world.Process.Exec(world.Cpu, noExec).Errno);
        Assert.Equal(Errno.None, world.Exec(ElfBuilder.Usual().Build(), Fixed with { Arguments = [] }).Errno);
    }

    [Fact]
    public void A_program_that_cannot_be_mapped_ends_the_process()
    {
        foreach ((Errno expected, ElfBuilder builder) in new (Errno, ElfBuilder)[]
        {
            (Errno.EINVAL, new ElfBuilder { Entry = 1ul << 48 }.Add(ElfBuilder.Stack, 6, 0, 0, 0, 0)),
            (Errno.EINVAL, new ElfBuilder().Add(ElfBuilder.Load, 5, 0x123, 0, 0x1000, 0x1000)),
            (Errno.EINVAL, new ElfBuilder().Add(ElfBuilder.Load, 6, 0, 0, 0x1000, 0x800)),
            (Errno.EEXIST, new ElfBuilder { Type = 2 }.Add(ElfBuilder.Load, 6, 0, (1ul << 48) - 0x1000, 0x1000, 0x1000)),
            (Errno.ENOMEM, new ElfBuilder { Type = 2 }.Add(ElfBuilder.Load, 6, 0, 1ul << 48, 0x1000, 0x1000)),
        })
        {
            using ExecWorld world = new();
            Process process = world.Process;
            ExecResult result = world.Exec(builder.Build(), Fixed);
            Assert.Equal((expected, true), (result.Errno, result.IsKilled));
            Assert.DoesNotContain(process, world.Machine.Processes);
            world.Verify();
        }
    }

    // As the kernel's: beyond the point of no return its errno is -1.
    [Fact]
    public void A_linker_that_is_an_object_file_ends_the_process()
    {
        using ExecWorld world = new();
        world.Add("/lib/object.so", new ElfBuilder { Type = 1 }.Add(ElfBuilder.Load, 5, 0, 0, 0x1000, 0x1000).Build());
        ExecResult result = world.Exec(ElfBuilder.Usual("/lib/object.so").Build(), Fixed);
        Assert.Equal((Errno.EPERM, true), (result.Errno, result.IsKilled));
        world.Verify();
    }

    [Theory]
    [InlineData(3, "fffff7fff000")] // beside a program that goes anywhere, the linker does
    [InlineData(2, "100000")] // beside one at a fixed place, its first segment names the place
    public void A_linker_that_names_its_place_gets_it_beside_a_fixed_program(ushort type, string start)
    {
        using ExecWorld world = new();
        world.Add("/lib/placed.so", new ElfBuilder { Entry = 0x100100 }.Add(ElfBuilder.Load, 5, 0, 0x100000, 0x1000, 0x1000).Build());
        ElfBuilder program = new() { Type = type, Entry = 0x400100, Interpreter = "/lib/placed.so" };
        ExecResult result = world.Exec(program.Add(ElfBuilder.Load, 5, 0, 0x400000, 0x1000, 0x1000).Build(), Fixed);
        Assert.Equal(Errno.None, result.Errno);
        ProcEntry linker = world.Entries().Single(entry => entry.Name == "/lib/placed.so");
        Assert.Equal((start, linker.Start + 0x100), ($"{linker.Start:x}", result.EntryPoint.ToUInt64()));
    }

    // A first segment whose bss reaches over the others: the last one's bss takes the place of a part of it, and does not merge with the rest above.
    [Fact]
    public void Bss_merges_as_the_heap_does()
    {
        using ExecWorld world = new();
        ElfBuilder program = new() { Type = 2, Entry = 0x400100 };
        program.Add(ElfBuilder.Load, 6, 0, 0x400000, 0x1000, 0x9000).Add(ElfBuilder.Load, 6, 0x1000, 0x402000, 0x1000, 0x3000);
        Assert.Equal(Errno.None, world.Exec(program.Build(), Fixed).Errno);
        Assert.Equal(
            [
                "400000-401000 rw-p 0 /usr/bin/demo",
                "401000-402000 rw-p 0 ",
                "402000-403000 rw-p 1000 /usr/bin/demo",
                "403000-405000 rw-p 0 ",
                "405000-409000 rw-p 0 ",
            ],
            world.Entries().Take(5).Select(Describe));
        world.Verify();
    }

    [Fact]
    public void Nothing_is_lost_when_programs_follow_each_other()
    {
        using ExecWorld world = new();
        ulong Free() => world.Machine.Pages.Zones.Aggregate(0ul, (sum, zone) => sum + zone.FreePages);
        OpenFile program = world.Add("/usr/bin/demo", ElfBuilder.Usual().Build());
        List<ulong> free = [];
        for (int i = 0; i < 6; i++)
        {
            Assert.Equal(Errno.None, world.Process.Exec(world.Cpu, program, Fixed).Errno);
            world.Machine.Pages.DrainAll(world.Cpu);
            free.Add(Free());
        }

        Assert.Equal(free[2], free[5]);
        world.Verify();
    }

    [HostProgramFact]
    public void A_real_program_of_this_machine_is_laid_out()
    {
        using ExecWorld world = new(256 << 20);
        byte[] content = File.ReadAllBytes(HostProgramFactAttribute.Program);
        ushort machine = BitConverter.ToUInt16(content, 18);
        string linker = HostProgramFactAttribute.InterpreterOf(content);
        world.Machine.OpenFile(linker, new HostFileBacking(linker));
        OpenFile file = world.Machine.OpenFile(HostProgramFactAttribute.Program, new HostFileBacking(HostProgramFactAttribute.Program));
        ExecResult result = world.Process.Exec(world.Cpu, file, Fixed with { ElfMachine = machine, Arguments = ["true"] });
        Assert.Equal(Errno.None, result.Errno);
        List<ProcEntry> entries = world.Entries();
        (ulong Address, ulong FileBytes, ulong MemoryBytes, uint Flags)[] segments = [.. HostProgramFactAttribute.SegmentsOf(content)];
        ulong bias = entries[0].Start - (segments[0].Address & ~(PageBytes - 1));
        foreach ((ulong address, ulong fileBytes, ulong memoryBytes, uint flags) in segments)
        {
            ProcEntry entry = entries.Single(entry => entry.Start <= bias + address && entry.End > bias + address);
            Assert.Equal(HostProgramFactAttribute.Program, entry.Name);
            Assert.Equal(((flags & 4) != 0, (flags & 2) != 0, (flags & 1) != 0), (entry.Access[0] == 'r', entry.Access[1] == 'w', entry.Access[2] == 'x'));
            Assert.Contains(entries, entry => entry.Start < bias + address + memoryBytes && entry.End >= bias + address + memoryBytes);
            byte[] seen = new byte[Math.Min(fileBytes, 64)];
            for (int i = 0; i < seen.Length; i++)
            {
                Assert.True(world.Machine.Cpus[0].TryRead(new VirtAddr(bias + address + (ulong)i), out seen[i]) <= FaultResult.Major);
            }

            Assert.True(content.AsSpan().IndexOf(seen) >= 0);
        }

        world.Verify();
    }

    private static string Describe(ProcEntry entry) => $"{entry.Start:x}-{entry.End:x} {entry.Access} {entry.Offset:x} {entry.Name}";

    private static byte[] ReadBytes(ExecWorld world, string name)
    {
        Assert.True(world.Machine.Procfs.TryOpen($"1/{name}", out Core.Diagnostics.Procfs.ProcFile? file));
        return Assert.IsType<Core.Diagnostics.Procfs.ProcBytesFile>(file).ReadAll();
    }
}
