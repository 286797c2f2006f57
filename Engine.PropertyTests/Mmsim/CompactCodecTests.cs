using Engine.PropertyTests.Support;
using FsCheck.Fluent;
using Mmsim.Traces.Binary;
using Xunit;
using Xunit.Sdk;

namespace Engine.PropertyTests.MmsimTests;

/// <summary>The compact form of the binary trace.</summary>
public sealed class CompactCodecTests
{
    [Fact]
    public void What_is_decoded_is_what_was_encoded() => ModelProperty.Check(AccessStep.Any, steps => RoundTrip(steps, damage: null), tests: 300, length: 400);

    [Fact]
    public void A_planted_flip_of_a_payload_bit_is_seen() =>
        ModelProperty.MustFail(AccessStep.Any, steps => RoundTrip(steps, damage: bytes => bytes[^(CompactCodec.SlackBytes + 1)] ^= 4), tests: 300);

    [Fact]
    public void Garbage_is_refused_or_decoded_to_something_but_never_read_beyond_its_end() =>
        ModelProperty.Check(
            Gen.Choose(0, 255),
            bytes =>
            {
                // Exactly as long as promised: a read beyond would leave the span.
                byte[] source = [.. bytes.Select(one => (byte)one), .. new byte[CompactCodec.SlackBytes]];
                CompactCodec codec = new();
                for (int records = 0; records <= bytes.Count; records += 1 + (records / 3))
                {
                    ulong[] words = new ulong[records];
                    if (codec.TryDecode(source, words) && words.Any(word => (long)word >> 60 is not (0 or -1)))
                    {
                        throw new XunitException("an address that is not canonical was let through");
                    }
                }
            },
            tests: 500,
            length: 300);

    private static void RoundTrip(IReadOnlyList<AccessStep> steps, Action<byte[]>? damage)
    {
        ulong[] words = [.. steps.Select(step => step.Word)];
        byte[] encoded = new byte[(words.Length * CompactCodec.RecordBytesMax) + CompactCodec.SlackBytes];
        CompactCodec codec = new();
        int length = codec.Encode(words, encoded);
        byte[] source = encoded[..(length + CompactCodec.SlackBytes)];
        if (length > words.Length)
        {
            damage?.Invoke(source);
        }

        ulong[] decoded = new ulong[words.Length];
        Assert.True(new CompactCodec().TryDecode(source, decoded));
        Assert.Equal(words, decoded);
        Assert.False(words.Length > 0 && new CompactCodec().TryDecode(source.AsSpan(..^1), decoded), "a block that is too short was accepted");
    }
}
