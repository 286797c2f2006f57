using System.Text;
using Engine.PropertyTests.Support;
using Mmsim.Cli;
using Mmsim.Traces;
using Mmsim.Traces.Binary;
using Xunit;

namespace Engine.PropertyTests.MmsimTests;

/// <summary>The binary form: the same trace, or an error of one line.</summary>
public sealed class BinaryTraceTests
{
    [Fact]
    public void A_converted_trace_says_the_same()
    {
        using TemporaryFolder folder = new();
        ModelProperty.Check(
            TraceLine.Valid,
            lines =>
            {
                if (lines.Count == 0)
                {
                    return;
                }

                string text = folder.Write("trace.lackey", TraceLine.Join(lines));
                string binary = folder.Write("trace.mmt", Convert(text));
                TraceContent expected = TraceContent.Read(text);
                TraceContent.AssertEqual(expected, TraceContent.Stream(text));
                TraceContent.AssertEqual(expected, TraceContent.Read(binary));
                TraceContent.AssertEqual(expected, TraceContent.Stream(binary));
            },
            tests: 60,
            length: 300);
    }

    [Fact]
    public void The_sample_is_much_smaller_and_says_the_same()
    {
        using TemporaryFolder folder = new();
        byte[] bytes = Convert(SampleTrace.Path, out long plainBytes);
        string binary = folder.Write("sample.mmt", bytes);
        const long TextBytes = 75_432_652;
        Assert.InRange(plainBytes, 1, TextBytes / 4);
        TraceContent.AssertEqual(TraceContent.Read(SampleTrace.Path), TraceContent.Read(binary));
    }

    [Fact]
    public void Every_changed_byte_is_found()
    {
        using TemporaryFolder folder = new();
        byte[] bytes = Convert(folder.Write("trace.lackey", MakeText(3000)));
        for (int at = 0; at < bytes.Length; at += at < 200 ? 1 : 1 + (bytes.Length / 150))
        {
            byte[] damaged = [.. bytes];
            damaged[at] ^= (byte)(1 << (at % 8));
            AssertRefused(folder.Write("damaged.mmt", damaged), $"byte {at} of {bytes.Length} was changed");
        }
    }

    [Fact]
    public void Every_cut_is_found()
    {
        using TemporaryFolder folder = new();
        byte[] bytes = Convert(folder.Write("trace.lackey", MakeText(3000)));
        for (int length = 0; length < bytes.Length; length += length < 100 ? 1 : 1 + (bytes.Length / 100))
        {
            AssertRefused(folder.Write("cut.mmt", bytes.AsSpan(0, length)), $"cut to {length} of {bytes.Length} bytes");
        }

        AssertRefused(folder.Write("long.mmt", [.. bytes, 0]), "a byte too many");
    }

    [Fact]
    public void Sections_in_another_order_or_twice_are_found()
    {
        using TemporaryFolder folder = new();
        byte[] bytes = Convert(folder.Write("trace.lackey", MakeText(100_000)));
        List<byte[]> sections = Split(bytes);
        Assert.True(sections.Count(section => section[8] == (byte)BinarySectionTag.Records) >= 3);
        for (int i = 0; i < sections.Count; i++)
        {
            AssertRefused(folder.Write("without.mmt", Join(bytes, [.. sections[..i], .. sections[(i + 1)..]])), $"without section {i}");
            AssertRefused(folder.Write("twice.mmt", Join(bytes, [.. sections[..(i + 1)], .. sections[i..]])), $"section {i} twice");
            if (i > 0)
            {
                AssertRefused(folder.Write("swapped.mmt", Join(bytes, [.. sections[..(i - 1)], sections[i], sections[i - 1], .. sections[(i + 1)..]])), $"sections {i - 1} and {i} swapped");
            }
        }
    }

    [Fact]
    public void Another_version_is_refused_by_name()
    {
        using TemporaryFolder folder = new();
        byte[] bytes = Convert(folder.Write("trace.lackey", MakeText(10)));
        bytes[7] = 9;
        InputException error = Assert.Throws<InputException>(() => TraceContent.Read(folder.Write("new.mmt", bytes)));
        Assert.Contains("version 9", error.Message, StringComparison.Ordinal);
    }

    private static byte[] Convert(string path) => Convert(path, out _);

    private static byte[] Convert(string path, out long plainBytes)
    {
        using MemoryStream output = new();
        (plainBytes, long storedBytes) = BinaryTraceWriter.Write(RecordedTrace.Load(path), output, _ => { }, CancellationToken.None);
        Assert.Equal(output.Length, storedBytes);
        return output.ToArray();
    }

    private static void AssertRefused(string path, string what)
    {
        Exception? error = Record.Exception(() => TraceContent.Read(path));
        Assert.True(error is InputException, $"{what}: {error?.ToString() ?? "accepted"}");
        Assert.DoesNotContain('\n', error!.Message);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.True(Record.Exception(() => TraceContent.Stream(path)) is InputException, $"{what}, read in one pass");
    }

    private static byte[] MakeText(int records)
    {
        StringBuilder text = new("==7== Lackey\n");
        ulong state = 1;
        for (int i = 0; i < records; i++)
        {
            state = unchecked((state * 6364136223846793005) + 1442695040888963407);
            _ = text.Append((state >> 60) switch { < 10 => "I  ", < 13 => " L ", < 15 => " S ", _ => " M " });
            _ = text.Append(System.Globalization.CultureInfo.InvariantCulture, $"{0x400000 + (state >> 40 & 0xfffff):x8},{1 + (state >> 37 & 7)}\n");
            if (i % 500 == 7)
            {
                _ = text.Append("SYSCALL[7,1](257) sys_openat ( 4294967196, 0x4034bb0(/usr/lib/x.so), 524288 )[sync] --> Success(0x4) \n");
            }
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private static List<byte[]> Split(byte[] bytes)
    {
        List<byte[]> sections = [];
        for (int at = BinaryTraceFormat.MagicBytes; at < bytes.Length;)
        {
            BinarySection section = BinaryTraceFormat.ReadHead(bytes.AsSpan(at), "");
            int length = BinaryTraceFormat.SectionHeadBytes + (int)section.StoredBytes;
            sections.Add(bytes[at..(at + length)]);
            at += length;
        }

        return sections;
    }

    private static byte[] Join(byte[] bytes, byte[][] sections) => [.. bytes[..BinaryTraceFormat.MagicBytes], .. sections.SelectMany(section => section)];
}
