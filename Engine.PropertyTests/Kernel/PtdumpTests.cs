using Engine.Arm64;
using Engine.Arm64.Kernel.Map;
using Engine.Core.Arena;
using Engine.Core.Units;
using Engine.PropertyTests.Support;
using Engine.PropertyTests.Translation;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.Kernel;

/// <summary><c>kernel_page_tables</c> against a second writer: of random tables, of booted machines, and of a real kernel's tables.</summary>
public sealed class PtdumpTests
{
    private const ulong Start = 0x4000_0000;
    private const int TablesMax = 24;

    private static readonly ulong[] Leaves =
    [
        0, 1, 0x0060_0000_0000_0701, 0x0068_0000_0000_0701, 0x0078_0000_4000_0703, 0x0050_0000_0000_0783, 0x0040_0000_0000_0f43,
        0x0060_0000_0000_070d, 0x0060_0000_0000_0711, 0x0060_0000_0000_0705, 0x0044_0000_0000_0709, 0x0060_0000_0000_071d, 2, 0x0060_0000_0000_0700,
    ];

    [Fact]
    public void Random_tables_print_as_the_second_writer_prints_them() =>
        ModelProperty.Check(
            from place in Gen.Choose(0, int.MaxValue)
            from length in Gen.Choose(1, 40)
            from leaf in Gen.Choose(0, Leaves.Length - 1)
            from isTable in Gen.Elements(true, false, false)
            select (place, length, Leaf: Leaves[leaf], isTable),
            steps =>
            {
                using PhysicalMemory memory = new(new MemoryBank(new PhysAddr(Start), 2UL << 20));
                Build(memory, steps);
                CheckSame(memory, Start);
            },
            tests: 60,
            length: 80);

    [Theory]
    [InlineData(RodataMode.Full)]
    [InlineData(RodataMode.On)]
    [InlineData(RodataMode.Off)]
    public void A_booted_machine_prints_as_the_second_writer_prints_it(RodataMode rodata)
    {
        using Machine machine = new(new MachineOptions { MemoryBytes = 128UL << 20, KernelMap = new KernelMapOptions { Rodata = rodata } });
        CheckSame(machine.Memory, machine.Kernel.Map.Tables.Root.Address.ToUInt64());
        machine.Kernel.Map.FreeInit(new CpuId(0));
        CheckSame(machine.Memory, machine.Kernel.Map.Tables.Root.Address.ToUInt64());
    }

    /// <summary>A Linux 6.1 kernel's own tables: the markers are v6.9's, the ranges and words are what such a kernel must have.</summary>
    [SharedDataFact("data/arm64-capture")]
    public void A_real_kernels_tables_are_plausible()
    {
        string folder = Capture.Folders().Single(folder => folder.Contains("4k-48bit", StringComparison.Ordinal));
        using Capture capture = new(folder);
        using PhysicalMemory memory = new(new MemoryBank(new PhysAddr(Start), 512UL << 20));

        // Kernel mode: in user mode TTBR1 names the trampoline's tables.
        ulong root = capture.Context("cpu2-idle").Registers.Ttbr1 & 0x0000_ffff_ffff_f000;
        CopyTable(capture, memory, root, 0);
        string text = CheckSame(memory, root);
        ulong code = Capture.Hex(capture.Json().GetProperty("kernel_symbols").GetProperty("schedule").GetString()!);
        string line = text.Split('\n').Single(line => Covers(line, code));
        Assert.Matches(" PTE +ro x  SHD AF ", line);
        Assert.Equal(0UL, KernelPageTablesText.CountWritableExecutable(memory, new PhysAddr(root)));
        Assert.Contains("RW NX SHD AF", text, StringComparison.Ordinal);
        Assert.DoesNotContain("USR", text, StringComparison.Ordinal);
    }

    private static void CopyTable(Capture capture, PhysicalMemory memory, ulong table, int level)
    {
        for (ulong offset = 0; offset < 4096; offset += 8)
        {
            Assert.True(capture.Image.TryRead(table + offset, out ulong descriptor), $"the recording has no table at 0x{table:x}");
            memory.GetRef<ulong>(new PhysAddr(table + offset)) = descriptor;
            if (level < 3 && (descriptor & 3) == 3)
            {
                CopyTable(capture, memory, descriptor & 0x0000_ffff_ffff_f000, level + 1);
            }
        }
    }

    private static string CheckSame(PhysicalMemory memory, ulong root)
    {
        string text = KernelPageTablesText.Write(memory, new PhysAddr(root));
        Assert.Equal(PtdumpModel.Format(memory, root, KernelLayout.FixmapStart.ToUInt64(), KernelLayout.FixmapTop.ToUInt64()), text);
        Assert.All(text.Split('\n')[..^1], line => Assert.Matches(@"^(---\[ .+ \]---|0x[0-9a-f]{16}-0x[0-9a-f]{16}   [ 0-9]{9}[KMGTPE] (PGD|PUD|PMD|PTE)( .+)?)$", line));
        return text;
    }

    private static bool Covers(string line, ulong address) =>
        line.StartsWith("0x", StringComparison.Ordinal) && Capture.Hex(line[..18]) <= address && address - Capture.Hex(line[..18]) < unchecked(Capture.Hex(line[19..37]) - Capture.Hex(line[..18]));

    // Runs of equal descriptors, each in a table that exists by then, or the descriptor of another table.
    private static void Build(PhysicalMemory memory, IReadOnlyList<(int Place, int Length, ulong Leaf, bool IsTable)> steps)
    {
        List<int> levels = [0];
        foreach ((int place, int length, ulong leaf, bool isTable) in steps)
        {
            int table = place % levels.Count;
            int first = (place / 64) % 512;
            bool isNewTable = isTable && levels[table] < 3 && levels.Count < TablesMax;
            if (isNewTable)
            {
                levels.Add(levels[table] + 1);
            }

            for (int i = first; i < Math.Min(first + (isNewTable ? 1 : length), 512); i++)
            {
                ref ulong entry = ref memory.GetRef<ulong>(new PhysAddr(Start + (4096 * (ulong)table) + (8 * (ulong)i)));
                bool isTaken = levels[table] < 3 && (entry & 3) == 3;
                entry = isNewTable ? Start + (4096 * (ulong)(levels.Count - 1)) + 3
                    : isTaken || (levels[table] < 3 && (leaf & 3) == 3) ? entry
                    : leaf;
            }
        }
    }
}
