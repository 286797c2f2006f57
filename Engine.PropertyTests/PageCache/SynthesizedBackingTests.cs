using System.Runtime.InteropServices;
using Engine.Core.PageCache;
using Engine.Core.Units;
using Engine.PropertyTests.Support;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.PageCache;

/// <summary>Synthesised files keep what was written, punched and cut.</summary>
public sealed class SynthesizedBackingTests
{
    private const int Pages = 24;
    private const ulong Seed = 7;

    private static readonly Gen<(int Call, int Page, int Count)> Steps =
        from call in Gen.Choose(0, 3)
        from page in Gen.Choose(0, Pages)
        from count in Gen.Choose(0, 9)
        select (call, page, count);

    [Fact]
    public void Pages_are_what_a_page_by_page_model_says() => ModelProperty.Check(Steps, Run, tests: 200, length: 30);

    // A hole is a range: neither time nor memory goes with its length.
    [Fact]
    public void A_hole_of_terabytes_is_one_range()
    {
        SynthesizedBacking file = new(Seed, 1UL << 50);
        Assert.True(file.PunchHole(1, 1UL << 37));
        Assert.True(file.PunchHole(ulong.MaxValue >> 13, 5));
        Assert.Equal([SynthesizedBacking.WordAt(Seed, 0), 0, 0, SynthesizedBacking.WordAt(Seed, ((1UL << 37) + 1) * 512)], ((ulong[])[0, 1, 1UL << 37, (1UL << 37) + 1]).Select(page => FirstWord(file, page)));
    }

    private static void Run(IReadOnlyList<(int Call, int Page, int Count)> steps)
    {
        SynthesizedBacking file = new(Seed, Pages * (ulong)Pfn.PageSizeBytes);
        ulong[] model = [.. Enumerable.Range(0, Pages).Select(page => SynthesizedBacking.WordAt(Seed, (ulong)page * 512))];
        int length = Pages;
        byte[] bytes = new byte[Pfn.PageSizeBytes];
        foreach ((int call, int page, int count) in steps)
        {
            switch (call)
            {
                case 0:
                    bytes.AsSpan().Fill((byte)(count + 1));
                    file.WritePage((ulong)page, bytes);
                    if (page < length)
                    {
                        model[page] = 0x0101_0101_0101_0101UL * (uint)(count + 1);
                    }

                    break;
                case 1 or 2:
                    file.PunchHole((ulong)page, (ulong)count);
                    Array.Clear(model, page, Math.Min(count, Pages - page));
                    break;
                default:
                    length = page;
                    file.Resize((ulong)length * Pfn.PageSizeBytes);
                    Array.Clear(model, length, Pages - length);
                    break;
            }

            Assert.Equal(model, Enumerable.Range(0, Pages).Select(index => FirstWord(file, (ulong)index)));
        }
    }

    private static ulong FirstWord(SynthesizedBacking file, ulong page)
    {
        byte[] bytes = new byte[Pfn.PageSizeBytes];
        Assert.True(file.ReadPage(page, bytes));
        return MemoryMarshal.Read<ulong>(bytes);
    }
}
