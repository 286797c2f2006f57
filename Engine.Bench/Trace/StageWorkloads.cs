using Engine.Bench.Harness;
using Mmsim.Cli;
using Mmsim.Traces.Binary;
using Mmsim.Traces.Blocks;
using Mmsim.Traces.Lackey;
using Mmsim.Traces.Pages;

namespace Engine.Bench.Trace;

/// <summary>The stages that a trace passes, each alone on one thread and over the whole trace.</summary>
internal sealed class StageWorkloads
{
    private readonly byte[] stored;
    private readonly List<TraceBlock> blocks = [];
    private readonly byte[] encoded = new byte[(TextBlockSource.RecordsMax * CompactCodec.RecordBytesMax) + CompactCodec.SlackBytes];
    private readonly List<byte[]> compact = [];
    private readonly List<PackedBlock> packed = [];
    private readonly long records;

    public StageWorkloads(string path)
    {
        stored = File.ReadAllBytes(path);
        using TextBlockSource source = new(InputFile.Open(path));
        CompactCodec codec = new();
        PackedStore store = new(new PageUseCounter());
        TraceBlock block = TextBlockSource.CreateBlock();
        while (source.Fill(block))
        {
            LackeyText.Parse(block);
            records += block.WordCount;
            int length = codec.Encode(block.Words.AsSpan(0, block.WordCount), encoded);
            compact.Add(encoded.AsSpan(0, length + CompactCodec.SlackBytes).ToArray());
            packed.Add(store.Add(block.Words.AsSpan(0, block.WordCount), block.Sequence));
            blocks.Add(block);
            block = TextBlockSource.CreateBlock();
            block.Reset(blocks.Count);
        }
    }

    public WorkloadCase[] Cases =>
    [
        new("stage-decompress", "", "", 1, () => new DelegateWorkload(_ => Decompress())),
        new("stage-parse", "", "", 1, () => new DelegateWorkload(_ => ForEach(Parse))),
        new("stage-pages", "", "", 1, () => new DelegateWorkload(_ => CountPages())),
        new("stage-pack", "", "", 1, () => new DelegateWorkload(_ => Pack())),
        new("stage-unpack", "", "", 1, () => new DelegateWorkload(_ => Unpack())),
        new("stage-encode", "", "", 1, () => new DelegateWorkload(_ => Encode())),
        new("stage-decode", "", "", 1, () => new DelegateWorkload(_ => Decode())),
    ];

    private static void Parse(TraceBlock block)
    {
        block.Specials.Clear();
        LackeyText.Parse(block);
    }

    private long ForEach(Action<TraceBlock> step)
    {
        foreach (TraceBlock block in blocks)
        {
            step(block);
        }

        return records;
    }

    private long Decompress()
    {
        using InputFile input = InputFile.FromBytes("", stored);
        byte[] buffer = new byte[TextBlockSource.BlockBytes];
        while (input.Read(buffer) > 0)
        {
        }

        return records;
    }

    private long CountPages()
    {
        PageUseCounter counter = new();
        return ForEach(block => counter.Add(block.Words.AsSpan(0, block.WordCount), block.Sequence));
    }

    private long Pack()
    {
        PackedStore store = new(new PageUseCounter());
        return ForEach(block => store.Add(block.Words.AsSpan(0, block.WordCount), block.Sequence));
    }

    private long Unpack()
    {
        ulong[] words = new ulong[TextBlockSource.RecordsMax];
        foreach (PackedBlock block in packed)
        {
            block.Unpack(words);
        }

        return records;
    }

    private long Encode()
    {
        CompactCodec codec = new();
        return ForEach(block => codec.Encode(block.Words.AsSpan(0, block.WordCount), encoded));
    }

    private long Decode()
    {
        CompactCodec codec = new();
        ulong[] words = new ulong[TextBlockSource.RecordsMax];
        for (int i = 0; i < compact.Count; i++)
        {
            if (!codec.TryDecode(compact[i], words.AsSpan(0, blocks[i].WordCount)))
            {
                throw new InvalidOperationException("a block cannot be decoded");
            }
        }

        return records;
    }
}
