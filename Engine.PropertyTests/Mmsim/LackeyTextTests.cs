using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.PropertyTests.Support;
using Mmsim.Traces;
using Mmsim.Traces.Blocks;
using Mmsim.Traces.Lackey;
using Xunit;

namespace Engine.PropertyTests.MmsimTests;

/// <summary>The fast parser against regular expressions.</summary>
public sealed class LackeyTextTests
{
    [Fact]
    public void Valid_logs_parse_as_the_naive_parser_says() => ModelProperty.Check(TraceLine.Valid, lines => Compare(lines, NaiveLackeyBug.None));

    [Fact]
    public void Mutated_logs_parse_as_the_naive_parser_says() =>
        ModelProperty.Check(TraceLine.Mutated, lines => Compare(lines, NaiveLackeyBug.None), tests: 600, length: 60);

    [Fact]
    public void Planted_upper_case_digits_are_caught() =>
        ModelProperty.MustFail(TraceLine.Mutated, lines => Compare(lines, NaiveLackeyBug.UpperCase), tests: 3000, length: 40);

    [Fact]
    public void Planted_size_zero_is_caught() =>
        ModelProperty.MustFail(TraceLine.Mutated, lines => Compare(lines, NaiveLackeyBug.SizeZero), tests: 3000, length: 40);

    [Theory]
    [InlineData(AccessKind.Fetch, 0x0401ab70UL, 3)]
    [InlineData(AccessKind.Modify, 0x1fff000cd8UL, 1023)]
    [InlineData(AccessKind.Store, 0xffff_ffff_ffff_fff8UL, 8)]
    [InlineData(AccessKind.Load, 0x0000_ffff_ffff_ffffUL, 1)]
    public void The_packed_word_is_the_access(AccessKind kind, ulong address, int size)
    {
        Access expected = new(new VirtAddr(address), size, kind);
        Access packed = AccessWord.AsAccesses([AccessWord.Pack(address, (uint)size, (uint)kind)])[0];
        Assert.Equal(expected, packed);
        Assert.Equal(address, packed.Address.ToUInt64());
        Assert.Equal(address, AccessWord.AddressOf(AccessWord.AsWords([expected])[0]));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(1001)]
    public void Counts_by_kind_are_what_counting_gives(int length)
    {
        Access[] accesses = [.. Enumerable.Range(0, length).Select(i => new Access(new VirtAddr(0x1000), 8, (AccessKind)(i * 7 % 11 % 4)))];
        RecordCounts counts = RecordCounts.Of(accesses);
        Assert.Equal(accesses.Count(access => access.Kind == AccessKind.Fetch), counts.Instr);
        Assert.Equal(accesses.Count(access => access.Kind == AccessKind.Load), counts.Load);
        Assert.Equal(accesses.Count(access => access.Kind == AccessKind.Store), counts.Store);
        Assert.Equal(accesses.Count(access => access.Kind == AccessKind.Modify), counts.Modify);
        Assert.Equal(length, counts.Total);
    }

    private static void Compare(IReadOnlyList<TraceLine> lines, NaiveLackeyBug bug)
    {
        byte[] text = TraceLine.Join(lines);
        TraceBlock block = new(text.Length, text.Length);
        text.CopyTo(block.Input, 0);
        block.InputBytes = text.Length;
        LackeyText.Parse(block);

        NaiveLackey naive = new(lines.Select(line => line.Text), bug);
        Assert.Equal(naive.Words, block.Words[..block.WordCount]);
        Assert.Equal(naive.WrongLine, block.Error?.LineInBlock);
        Assert.Equal(naive.Others, block.Specials.Count);
        Assert.Equal(naive.Words.Count + naive.Others, block.Lines);
    }
}
