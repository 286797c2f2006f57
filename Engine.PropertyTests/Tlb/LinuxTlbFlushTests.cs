using Engine.Arm64.Tlb;
using Engine.Arm64.Units;
using Engine.PropertyTests.Support;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.Tlb;

/// <summary>Which TLBI instructions Linux's flush functions issue.</summary>
public sealed class LinuxTlbFlushTests
{
    private static readonly Asid One = new(5);

    [Theory]
    [InlineData(511, false, 511)]
    [InlineData(512, false, 1)]
    [InlineData(512, true, 1)]
    [InlineData(513, true, 2)]
    [InlineData(2 * 1024 * 1024, true, 1)]
    public void A_range_takes_so_many_instructions(int pages, bool hasRange, int count)
    {
        Recorder recorder = new();
        Flush(recorder, hasRange).FlushRange(0, One, new VirtAddr(0x10000), new VirtAddr(0x10000 + ((ulong)(uint)pages << 12)));
        Assert.Equal(count, recorder.Instructions.Count);
        bool isWhole = !hasRange ? pages >= 512 : pages >= 2 * 1024 * 1024;
        Assert.Equal(isWhole, recorder.Instructions[0].Kind == TlbiKind.Aside1);
    }

    [Theory]
    [InlineData(512, 512, TlbiKind.Vaale1)]
    [InlineData(513, 1, TlbiKind.Vmalle1)]
    public void A_kernel_range_flushes_all_above_512_pages(int pages, int count, TlbiKind kind)
    {
        Recorder recorder = new();
        VirtAddr start = new(0xFFFF_8000_8000_0000);
        Flush(recorder, true).FlushKernelRange(0, start, start + ((ulong)(uint)pages << 12));
        Assert.Equal(count, recorder.Instructions.Count);
        Assert.All(recorder.Instructions, instruction => Assert.Equal(kind, instruction.Kind));
    }

    [Fact]
    public void Isolated_kernel_tables_flush_both_asids()
    {
        Recorder recorder = new();
        LinuxTlbFlush flush = new(new InnerShareableDomain([recorder])) { IsolatesKernelTables = true };
        flush.FlushPage(0, new Asid(8), new VirtAddr(0x7000));
        Assert.Equal([8, 9], recorder.Instructions.Select(instruction => (int)instruction.Asid.ToUInt16()));
    }

    [Fact]
    public void Instructions_cover_the_range_and_nothing_else()
    {
        ModelProperty.Check(Ranges(), sequence => CheckCoverage(sequence, wrongNum: 0), tests: 60, length: 20);
        ModelProperty.MustFail(Ranges(), sequence => CheckCoverage(sequence, wrongNum: 1), tests: 60, length: 20);
    }

    private static FsCheck.Gen<(ulong Start, ulong Pages, bool HasRange)> Ranges() =>
        from page in Gen.Choose(0, 1 << 20)
        from pages in Gen.OneOf(Gen.Choose(1, 70), Gen.Choose(1, 3000), Gen.Choose(60_000, 200_000))
        from hasRange in Gen.Elements(true, false)
        from isUpper in Gen.Elements(0UL, 0xFFFF_0000_0000_0000)
        select (isUpper | ((ulong)(uint)page << 12), (ulong)(uint)pages, hasRange);

    private static void CheckCoverage(IReadOnlyList<(ulong Start, ulong Pages, bool HasRange)> sequence, ulong wrongNum)
    {
        foreach ((ulong start, ulong pages, bool hasRange) in sequence)
        {
            Recorder recorder = new();
            Flush(recorder, hasRange).FlushRange(0, One, new VirtAddr(start), new VirtAddr(start + (pages << 12)), lastLevelOnly: true, level: 3);
            if (!hasRange && pages >= 512)
            {
                Assert.Equal(TlbiKind.Aside1, Assert.Single(recorder.Instructions).Kind);
                continue;
            }

            ulong next = start;
            foreach (TlbiInstruction instruction in recorder.Instructions)
            {
                // Decoded here once more, straight from the drawing of the operand.
                ulong x = instruction.Operand;
                bool isRange = instruction.Kind == TlbiKind.Rvale1;
                ulong covered = isRange ? (((x >> 39) & 31) + 1 + wrongNum) << (int)((5 * ((x >> 44) & 3)) + 1) : 1;
                ulong first = isRange ? (x & ((1UL << 37) - 1)) << 12 : (x & ((1UL << 44) - 1)) << 12;
                Assert.Equal(next & ((1UL << 49) - 1), first & ((1UL << 49) - 1));
                Assert.Equal(3, instruction.LevelHint);
                next += covered << 12;
            }

            Assert.Equal(start + (pages << 12), next);
        }
    }

    private static LinuxTlbFlush Flush(Recorder recorder, bool hasRange) =>
        new(new InnerShareableDomain([recorder])) { HasRangeInstructions = hasRange };

    private sealed class Recorder : ITlbiTarget
    {
        public List<TlbiInstruction> Instructions { get; } = [];

        public void Execute(TlbiInstruction instruction) => Instructions.Add(instruction);
    }
}
