using System.Text;
using Engine.PropertyTests.Support;
using FsCheck;
using FsCheck.Fluent;
using Mmsim.Cli;
using Mmsim.Fuzz;
using Mmsim.Kmem;
using Xunit;

namespace Engine.PropertyTests.Kmem;

/// <summary>Lines of ftrace text: the two readers agree, other writers' forms are read, bad lines are named.</summary>
public sealed class FtraceTextTests
{
    private const string Usual = "            bash-9669    [001] .....  2811.657946: ";
    private const string Alloc = "mm_page_alloc: page=0000000000000000 pfn=0x18226a order=0 migratetype=1 gfp_flags=GFP_KERNEL|__GFP_ZERO";

    [Fact]
    public void The_fast_reader_accepts_nothing_that_the_full_reader_reads_otherwise() =>
        ModelProperty.Check(Mutation.Generator, lines => Compare(lines, null), tests: 200, length: 60);

    [Fact]
    public void A_reader_that_took_a_bad_digit_would_be_caught() =>
        ModelProperty.MustFail(Mutation.Generator, lines => Compare(lines, (byte)'9' + 1), tests: 200, length: 60);

    [Theory]
    [InlineData("            bash-9669    [001] .....  2811.657946: ", 1, 2811657946)]
    [InlineData("            bash-9669    [001]  2811.657946: ", 1, 2811657946)]
    [InlineData("            bash-9669    (   9669) [002] d.h1.  2811.657946: ", 2, 2811657946)]
    [InlineData("            bash-9669    (-------) [002] d.h1.  2811.657946: ", 2, 2811657946)]
    [InlineData("            bash-12345678 [1023] ..... 123456.657946: ", 1023, 123456657946)]
    [InlineData("            bash-9669    [001] ..... 281165794600: ", 1, 281165794600)]
    [InlineData("            bash-9669    [001] .....  2811.657946123: ", 1, 2811657946)]
    [InlineData("bash-9669 [001] 2811.657946: ", 1, 2811657946)]
    [InlineData("   a-1 [0] 1.0: b-7       [003] .....     1.000002: ", 0, 1000000)]
    public void Every_form_of_the_columns_is_read(string prefix, int cpu, ulong time)
    {
        FtraceText reader = new("t", new GfpTable());
        string line = prefix == "   a-1 [0] 1.0: b-7       [003] .....     1.000002: " ? prefix + "x" : prefix + Alloc;
        bool isEvent = ReadFirst(reader, Encoding.ASCII.GetBytes(line), out KmemEvent item);
        Assert.Equal(1, reader.EventCount);
        Assert.Equal(time, reader.FirstTime);
        Assert.Equal(1, reader.EventsByCpu[cpu]);
        Assert.Equal(line.EndsWith(Alloc, StringComparison.Ordinal), isEvent);
        if (isEvent)
        {
            Assert.Equal((0x18226au, (byte)0, (byte)1), (item.Pfn, item.Order, item.MigrateType));
        }
    }

    [Theory]
    [InlineData("mm_page_alloc: page=0 pfn=0x18226a migratetype=1 gfp_flags=GFP_KERNEL", "the event has no order=")]
    [InlineData("mm_page_alloc: page=0 order=0 migratetype=1 gfp_flags=GFP_KERNEL", "the event has no pfn=")]
    [InlineData("mm_page_alloc: page=0 pfn=0x18226a order=0 migratetype=1", "the event has no gfp_flags=")]
    [InlineData("mm_page_alloc: page=0 pfn=0x18226a order=11 migratetype=1 gfp_flags=GFP_KERNEL", "order= has a bad number")]
    [InlineData("mm_page_alloc: page=0 pfn=0x18226g order=0 migratetype=1 gfp_flags=GFP_KERNEL", "pfn= has a bad number")]
    [InlineData("mm_page_alloc: page=0 pfn=0x18226a order=0 migratetype=6 gfp_flags=GFP_KERNEL", "migratetype= has a bad number")]
    [InlineData("mm_page_alloc: page=0 pfn=0x18226a order=0 migratetype=1 gfp_flags=GFP_KERNEL|kernel", "'kernel' is no allocation flag")]
    [InlineData("mm_page_free: page=0 pfn=0x123456789 order=0", "pfn= has a bad number")]
    [InlineData("mm_page_free: page=0 pfn=0x1 order=", "order= has nothing")]
    public void A_bad_event_is_named_with_its_line(string fields, string wrong)
    {
        FtraceText reader = new("t.txt", new GfpTable());
        Assert.False(ReadFirst(reader, "# tracer: nop"u8, out _));
        InputException error = Assert.Throws<InputException>(() => ReadFirst(reader, Encoding.ASCII.GetBytes(Usual + fields), out _));
        Assert.StartsWith($"t.txt:2: {wrong}", error.Message, StringComparison.Ordinal);
        Assert.Contains("(expected ", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mm_page_alloc_zone_locked: page=0 pfn=0x5 order=0 migratetype=1 percpu_refill=0", false)]
    [InlineData("mm_page_alloc_zone_locked: page=0 pfn=0x5 order=0 migratetype=1 percpu_refill=1", true)]
    [InlineData("mm_page_alloc_zone_locked: page=0 pfn=5 order=0 migratetype=1", true)]
    [InlineData("mm_page_alloc_zone_locked: page=0 pfn=5 order=3 migratetype=1", false)]
    public void A_zone_locked_allocation_may_not_say_whether_it_filled_a_list(string fields, bool isRefill)
    {
        Assert.True(ReadFirst(new FtraceText("t", new GfpTable()), Encoding.ASCII.GetBytes(Usual + fields), out KmemEvent item));
        Assert.Equal((KmemEventKind.ZoneLocked, 5u, isRefill), (item.Kind, item.Pfn, item.IsRefill));
    }

    [Theory]
    [InlineData("mm_page_alloc: page=(null) pfn=0x18226a order=0 migratetype=1 gfp_flags=GFP_NOWAIT|__GFP_NEW_IN_7|0x8000000")]
    [InlineData("mm_page_alloc:        page=0xffffea0006089a80 pfn=1581674  order=0 migratetype=1 gfp_flags=GFP_KERNEL")]
    public void Events_of_other_kernels_and_writers_are_read(string fields)
    {
        foreach (string task in (string[])["            bash", "          <idle>", "           <...>", "  Web Content 12", " memfd:sealed-91", "    a-[001] b: c", "         \u00c4\u00f6 - x"])
        {
            string prefix = $"{task}-9669    [001] ..s1.  2811.657946: ";
            Assert.True(ReadFirst(new FtraceText("t", new GfpTable()), Encoding.Latin1.GetBytes(prefix + fields), out KmemEvent item), task);
            Assert.Equal((KmemEventKind.Alloc, 0x18226au, (ushort)1), (item.Kind, item.Pfn, item.Cpu));
        }
    }

    [Theory]
    [InlineData("hello")]
    [InlineData("            bash-9669    [001] .....  2811.657946 mm_page_free")]
    [InlineData("            bash-9669    001 .....  2811.657946: mm_page_free")]
    public void A_line_that_is_no_event_is_an_error(string line)
    {
        FtraceText reader = new("t.txt", new GfpTable());
        InputException error = Assert.Throws<InputException>(() => ReadFirst(reader, Encoding.ASCII.GetBytes(line), out _));
        Assert.StartsWith("t.txt:1: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_empty_trace_is_an_error() =>
        Assert.Throws<InputException>(() => KmemTrace.Read("t.txt", _ => 0));

    [Fact]
    public void The_text_after_a_line_is_left_and_the_last_line_needs_no_break()
    {
        string first = Usual + Alloc;
        string free = Usual + "mm_page_free: page=0000000000000000 pfn=0x1 order=10";
        foreach (string filler in (string[])["", "# ", "# " + new string('x', 500)])
        {
            FtraceText reader = new("t", new GfpTable());
            ReadOnlySpan<byte> text = Encoding.ASCII.GetBytes($"{first}\n{free}\n{first}\n{filler}");
            Assert.True(reader.TryRead(ref text, out KmemEvent one));
            Assert.Equal((KmemEventKind.Alloc, 0x18226au), (one.Kind, one.Pfn));
            Assert.True(reader.TryRead(ref text, out KmemEvent two));
            Assert.Equal((KmemEventKind.Free, 1u, (byte)10), (two.Kind, two.Pfn, two.Order));
            Assert.True(reader.TryRead(ref text, out KmemEvent three));
            Assert.Equal(one, three);
            Assert.Equal(filler, Encoding.ASCII.GetString(text));
        }
    }

    [Fact]
    public void The_page_map_finds_what_a_dictionary_finds()
    {
        PageMap map = new();
        Dictionary<uint, uint> expected = [];
        SplitMix64 random = new(5);
        for (int i = 1; i < 60_000; i++)
        {
            // Few homes, so that runs of places build up; frame 0 is among them. The table grows once.
            uint pfn = i < 20_000 ? (uint)random.Below(64) << 18 : (uint)random.Below(40_000);
            if (expected.Remove(pfn))
            {
                map.Remove(pfn);
            }
            else
            {
                expected.Add(pfn, (uint)i);
                map.Add(pfn, (uint)i);
            }

            uint other = (uint)random.Below(40_000);
            map.Remove(other | 0x8000_0000);
            Assert.Equal(expected.GetValueOrDefault(other), map[other]);
            Assert.Equal(expected.GetValueOrDefault(pfn), map[pfn]);
        }

        Assert.All(expected, pair => Assert.Equal(pair.Value, map[pair.Key]));
    }

    // The line as it stands in a trace, long enough before the text's end for the fast reader.
    private static bool ReadFirst(FtraceText reader, ReadOnlySpan<byte> line, out KmemEvent parsed)
    {
        ReadOnlySpan<byte> text = (byte[])[.. line, (byte)'\n', .. new byte[FtraceFastLine.Reach]];
        return reader.TryRead(ref text, out parsed);
    }

    // Both readers over the same line: the same outcome, the same event.
    private static void Compare(IReadOnlyList<Mutation> lines, int? plantedByte)
    {
        foreach (Mutation mutation in lines)
        {
            byte[] line = mutation.Apply();
            GfpTable fastTable = new();
            GfpTable fullTable = new();
            KmemEvent? fast = Read(() => (ReadFirst(new FtraceText("t", fastTable), line, out KmemEvent item), item));

            // The planted bug: the full reader sees another line where the character after '9' was written.
            byte[] seen = [.. line.TakeWhile(c => c != '\n').Select(c => c == plantedByte ? (byte)'0' : c)];
            KmemEvent? full = Read(() => (new FtraceText("t", fullTable).TryReadAny(seen, out KmemEvent item), item));
            Assert.Equal(full.HasValue, fast.HasValue);
            if (fast is { } a && full is { } b)
            {
                Assert.Equal((b.Kind, b.Order, b.MigrateType, b.IsRefill, b.Cpu, b.Pfn, b.Time), (a.Kind, a.Order, a.MigrateType, a.IsRefill, a.Cpu, a.Pfn, a.Time));
                Assert.Equal(fullTable.Count == 0 ? "" : fullTable.GetText(0), fastTable.Count == 0 ? "" : fastTable.GetText(0));
            }
        }
    }

    private static KmemEvent? Read(Func<(bool IsEvent, KmemEvent Item)> read)
    {
        try
        {
            (bool isEvent, KmemEvent item) = read();
            return isEvent ? item : null;
        }
        catch (InputException)
        {
            return null;
        }
    }

    /// <summary>A good line with one byte changed, or cut off.</summary>
    private readonly record struct Mutation(TraceLine Line, int At, byte Value, bool IsCut)
    {
        public static Gen<Mutation> Generator { get; } =
            from line in TraceLine.Generator
            from at in Gen.Choose(0, 159)
            from value in Gen.Elements(" 0159:afgxz[]-.=\r\n\0\u00ff,_|".Select(c => (byte)c))
            from cut in Gen.Choose(0, 9)
            select new Mutation(line, at, value, cut == 0);

        public byte[] Apply()
        {
            byte[] line = Encoding.ASCII.GetBytes(Line.ToText(3).TrimEnd('\n'));
            int at = At % line.Length;
            if (IsCut)
            {
                return line[..at];
            }

            line[at] = Value;
            return line;
        }
    }
}
