using System.Runtime.InteropServices;
using Engine.Arm64.Tlb;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Arena;
using Engine.Core.Units;
using Engine.PropertyTests.Support;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.Tlb;

/// <summary>The walker of the engine's own shape of tables against the general one, on random tables with much garbage.</summary>
public sealed class ArenaWalkerTests
{
    private const ulong Start = 1UL << 30;
    private const int PageCount = 24;

    // 48-bit addresses in both halves, 4 KiB, 48-bit output; AF and dirty state by hardware where wanted.
    private const ulong Tcr = 16 | (16UL << 16) | (2UL << 30) | (5UL << 32);
    private const ulong TcrHardware = 3UL << 39;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void It_agrees_with_the_general_walker(bool hasHardwareUpdate) =>
        ModelProperty.Check(Gen.Choose(0, int.MaxValue), seeds => Compare(seeds, hasHardwareUpdate, mistake: 0), tests: 25, length: 25);

    [Fact]
    public void A_planted_bug_is_caught() =>
        ModelProperty.MustFail(Gen.Choose(0, int.MaxValue), seeds => Compare(seeds, hasHardwareUpdate: false, mistake: 1), tests: 60, length: 60);

    // Each number seeds the tables and some addresses.
    private static void Compare(IReadOnlyList<int> seeds, bool hasHardwareUpdate, uint mistake)
    {
        using PhysicalMemory own = new(new MemoryBank(new PhysAddr(Start), 2 << 20));
        using PhysicalMemory others = new(new MemoryBank(new PhysAddr(Start), 2 << 20));
        ArenaWalker walker = new(own)
        {
            Ttbr0 = new PhysAddr(Start),
            Ttbr1 = new PhysAddr(Start + 4096),
            SetsAccessFlag = hasHardwareUpdate,
            SetsDirtyState = hasHardwareUpdate,
        };
        ArenaMemory general = new(others);
        TranslationRegisters registers = new(
            Start, Start + 4096, Tcr | (hasHardwareUpdate ? TcrHardware : 0), 0, TranslationRegisters.SctlrMmuOn, ArchitectureProfile.Full);
        foreach (int seed in seeds)
        {
            Random random = new(seed);
            FillTables(own, others, random);
            for (int i = 0; i < 20; i++)
            {
                ulong address = (ulong)random.NextInt64() & 0x0000_FFFF_FFFF_FFFF;
                address |= random.Next(3) switch { 0 => 0xFFFF_0000_0000_0000, 1 => 0, _ => random.Next(20) == 0 ? 1UL << 60 : 0 };
                CompareOne(walker, ref general, registers, address, (AccessKind)random.Next(4), random.Next(2), random.Next(2) == 0, hasHardwareUpdate, mistake);
            }
        }
    }

    private static void CompareOne(
        ArenaWalker walker, ref ArenaMemory general, in TranslationRegisters registers, ulong address, AccessKind kind, int el, bool wantsPath, bool updates, uint mistake)
    {
        WalkResult result = default;
        result.StartLevel = WalkResult.FromRoot;
        result.WantsPath = wantsPath;
        bool isMapped = walker.Walk(new VirtAddr(address), kind, el != 0, ref result);
        bool isAllowed = isMapped && ((result.Allowed >> ((int)kind + (4 * el))) & 1) != mistake;
        TranslationResult expected = Walker.Translate(
            ref general, registers, new VirtAddr(address), new TranslationAccess(kind, el, Pan: false, UpdatesTables: updates));
        Assert.Equal(expected.IsOk, isAllowed);
        if (!expected.IsOk)
        {
            Assert.Equal(expected.Fault.StatusCode, isMapped ? 0x0C + result.Level : result.FaultStatus);
            return;
        }

        Assert.Equal(
            (expected.Address.ToUInt64(), (int)expected.Level, (int)expected.BlockShift, (int)expected.RunShift, (int)expected.AttributeIndex, expected.IsGlobal),
            (result.OutputAddress + (address & ((1UL << result.PageSizeLog2) - 1)), result.Level, result.PageSizeLog2, result.RunSizeLog2, result.AttributeIndex, result.IsGlobal));
    }

    private static void FillTables(PhysicalMemory own, PhysicalMemory others, Random random)
    {
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(own.GetSpan(new PhysAddr(Start), PageCount * 4096));
        for (int i = 0; i < words.Length; i++)
        {
            ulong garbage = (ulong)random.NextInt64() ^ ((ulong)random.NextInt64() << 1);
            ulong attributes = garbage & ~0x0000_FFFF_FFFF_F003UL;
            ulong page = Start + ((ulong)random.Next(PageCount) << 12);
            words[i] = random.Next(16) switch
            {
                < 10 => page | 3 | ((garbage & 7) == 0 ? attributes : 1UL << 10) | (garbage & 0xC0),
                < 13 => (garbage & 0x0000_FFFF_C000_0000) | attributes | 0x401,
                13 => 0,
                14 => (garbage & 0x0000_FFFF_FFFF_F000) | 3 | attributes,
                _ => garbage,
            };
        }

        words.CopyTo(MemoryMarshal.Cast<byte, ulong>(others.GetSpan(new PhysAddr(Start), PageCount * 4096)));
    }
}
