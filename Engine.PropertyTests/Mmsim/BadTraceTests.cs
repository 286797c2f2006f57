using System.IO.Compression;
using System.Text;
using Mmsim.Cli;
using Mmsim.Traces.Lackey;
using Xunit;
using ZstdSharp;

namespace Engine.PropertyTests.MmsimTests;

/// <summary>Bad input: one line that says where and what, exit code 2.</summary>
public sealed class BadTraceTests
{
    private const string Good = "I  0401ab70,3\n S 1fff000cd8,8\n";

    [Theory]
    [InlineData("", "the file is empty")]
    [InlineData(Good + "hello\n" + Good, ":3: 'hello' is not a line of a lackey trace")]
    [InlineData("I  0401ab70,3\r\n", ":1: ")]
    [InlineData(Good + "I  0401AB70,3\n", ":3: 'I  0401AB70,3' is not a line")]
    [InlineData(Good + "I  0401ab70\n", ":3: ")]
    [InlineData(Good + "I  0401ab7", ":3: ")]
    [InlineData(Good + " S 1000000000000,8\n", ":3: address 0x1000000000000 is not canonical (expected bits 63 to 48 all equal")]
    [InlineData(Good + " S fffe800000000000,8\n", ":3: address 0xfffe800000000000 is not canonical")]
    [InlineData(Good + " S 11111111111111111,8\n", ":3: ")]
    [InlineData(Good + " L 1000,0\n", ":3: an access of 0 bytes")]
    [InlineData(Good + " L 1000,1024\n", ":3: an access of 1024 bytes")]
    [InlineData(Good + " L \0\u0001\u0002,4\n", ":3: binary data")]
    [InlineData("\u007fELF\u0002\u0001\u0001\0\0\0\n", ":1: binary data")]
    public void A_bad_line_is_named(string text, string expected)
    {
        using TemporaryFolder folder = new();
        AssertBad(folder.Write("bad.lackey", Encoding.Latin1.GetBytes(text)), expected);
    }

    [Fact]
    public void A_bad_line_far_into_the_trace_is_named()
    {
        using TemporaryFolder folder = new();
        string text = string.Concat(Enumerable.Repeat(Good + "==7== note\n", 50_000)) + "oops\n" + Good;
        AssertBad(folder.Write("bad.lackey", Encoding.Latin1.GetBytes(text)), ":150001: 'oops'");
    }

    [Fact]
    public void A_line_longer_than_a_block_is_named()
    {
        using TemporaryFolder folder = new();
        AssertBad(folder.Write("bad.lackey", Encoding.Latin1.GetBytes(Good + new string('x', TextBlockSource.BlockBytes * 2))), ":3: a line of more than");
    }

    [Fact]
    public void A_compressed_file_that_is_cut_off_or_damaged_is_named()
    {
        using TemporaryFolder folder = new();
        byte[] text = Encoding.Latin1.GetBytes(string.Concat(Enumerable.Range(0, 5000).Select(i => $"I  {0x400000 + (i * 37 % 4096):x8},3\n")));
        foreach (byte[] compressed in new[] { Zstd(text), Gzip(text) })
        {
            Assert.Equal(5000, TraceContent.Read(folder.Write("good", compressed)).Counts.Total);
            foreach (int length in new[] { compressed.Length - 1, compressed.Length - 6, compressed.Length / 2, compressed.Length / 10, 12, 5 })
            {
                AssertBad(folder.Write("cut", compressed.AsSpan(0, length)), "cut off");
            }

            byte[] damaged = [.. compressed];
            damaged[^3] ^= 0x10;
            AssertBad(folder.Write("damaged", damaged), "damaged");
        }
    }

    [Fact]
    public void A_compressed_file_in_several_pieces_is_one_trace()
    {
        using TemporaryFolder folder = new();
        byte[] text = Encoding.Latin1.GetBytes(Good);
        Assert.Equal(4, TraceContent.Read(folder.Write("two.gz", [.. Gzip(text), .. Gzip(text)])).Counts.Total);
        Assert.Equal(4, TraceContent.Read(folder.Write("two.zst", [.. Zstd(text), .. Zstd(text)])).Counts.Total);
    }

    [Fact]
    public void A_file_that_is_not_there_or_no_file_is_named()
    {
        using TemporaryFolder folder = new();
        AssertBad(folder.PathOf("nothing"), "no such file");
        AssertBad(Path.GetDirectoryName(folder.PathOf("x"))!, "is a directory");
    }

    [Theory]
    [InlineData("l1d")]
    [InlineData("l1d=48")]
    [InlineData("l1d=0:full")]
    [InlineData("l1d=48:5")]
    [InlineData("l1d=48:full:mru")]
    [InlineData("l1d=48:full:lru:fifo")]
    [InlineData("l1d=48:full:excl")]
    [InlineData("l1d=48:full,l2=64:4:excl")]
    [InlineData("l1d=48:full,l2d=64:4:excl:incl")]
    [InlineData("l1d=48:full,l1d=48:full")]
    [InlineData("x=4:full")]
    [InlineData("l1i=48:full")]
    [InlineData("l1d=99999999999:full")]
    [InlineData("")]
    public void A_TLB_that_makes_no_sense_is_refused(string spec)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("good.lackey", Encoding.Latin1.GetBytes(Good));
        Assert.Equal(ExitCode.BadInput, global::Mmsim.Program.Main(["tlb", path, "--tlb", spec, "--quiet"]));
        Assert.Equal(ExitCode.Done, global::Mmsim.Program.Main(["tlb", path, "--tlb", "l1d=4:full", "--quiet"]));
    }

    private static void AssertBad(string path, string expected)
    {
        foreach (Func<string, TraceContent> read in new Func<string, TraceContent>[] { TraceContent.Read, TraceContent.Stream })
        {
            InputException error = Assert.Throws<InputException>(() => read(path));
            Assert.StartsWith(path + ":", error.Message, StringComparison.Ordinal);
            Assert.Contains(expected, error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain(error.Message, char.IsControl);
        }

        Assert.Equal(ExitCode.BadInput, global::Mmsim.Program.Main(["tlb", path, "--tlb", "l1d=4:full", "--quiet"]));
    }

    private static byte[] Zstd(byte[] text)
    {
        using MemoryStream output = new();
        using (CompressionStream stream = new(output, 3))
        {
            stream.SetParameter(ZstdSharp.Unsafe.ZSTD_cParameter.ZSTD_c_checksumFlag, 1);
            stream.Write(text);
        }

        return output.ToArray();
    }

    internal static byte[] Gzip(byte[] text)
    {
        using MemoryStream output = new();
        using (GZipStream stream = new(output, CompressionLevel.Optimal))
        {
            stream.Write(text);
        }

        return output.ToArray();
    }
}
