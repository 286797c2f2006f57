using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Xunit;

namespace Engine.PropertyTests.Translation;

/// <summary>The walker against the naive one, on random registers and random tables.</summary>
public sealed class WalkerTests
{
    // A walk of 5 levels with stage 2 reads at most 35 descriptors and swaps a few; a change by another agent restarts it at most 63 times.
    private const int ReadsMax = 64 * 48;

    // A million cases take some seconds; without optimisation they take ten times as long.
#if DEBUG
    private const int Cases = 120_000;
#else
    private const int Cases = 300_000;
#endif

    /// <summary>Same result, same fault code, same updates of tables; never outside memory, never endless.</summary>
    [Theory]
    [InlineData(0x1000_0000)]
    [InlineData(0x2000_0000)]
    [InlineData(0x3000_0000)]
    [InlineData(0x4000_0000)]
    public void Agrees_with_the_naive_walker(ulong firstSeed)
    {
        Dictionary<string, int> outcomes = [];
        for (ulong seed = firstSeed; seed < firstSeed + Cases; seed++)
        {
            RandomTranslation input = RandomTranslation.From(seed);
            TranslationResult result = Compare(input, input.Registers);
            string outcome = $"{result.Fault.Name}{(result.Fault.IsStage2 ? " stage 2" : "")}";
            outcomes[outcome] = outcomes.GetValueOrDefault(outcome) + 1;
        }

        // Every kind of end must be met often, or the comparison says little.
        foreach (string kind in (string[])["ok", "translation", "access_flag", "permission", "address_size", "external_abort",
            "translation stage 2", "access_flag stage 2", "permission stage 2", "address_size stage 2", "external_abort stage 2"])
        {
            Assert.True(outcomes.GetValueOrDefault(kind) > Cases / 2000, $"{kind}: {outcomes.GetValueOrDefault(kind)} of {Cases}");
        }
    }

    /// <summary>One flipped register bit must be seen: the naive walker is told another TCR than the walker under test.</summary>
    [Theory]
    [InlineData(37)]
    [InlineData(39)]
    [InlineData(41)]
    [InlineData(55)]
    [InlineData(59)]
    public void A_wrong_control_bit_is_seen(int bit)
    {
        bool isSeen = false;
        for (ulong seed = 0x5000_0000; seed < 0x5000_0000 + 20_000 && !isSeen; seed++)
        {
            RandomTranslation input = RandomTranslation.From(seed);
            try
            {
                Compare(input, input.Registers with { Tcr = input.Registers.Tcr ^ (1UL << bit) });
            }
            catch (Xunit.Sdk.XunitException)
            {
                isSeen = true;
            }
        }

        Assert.True(isSeen, $"TCR bit {bit} makes no difference");
    }

    private static TranslationResult Compare(in RandomTranslation input, in TranslationRegisters naiveRegisters)
    {
        HashedMemory memory = new(input.Seed, input.AgentOneIn);
        TranslationResult result = Walker.Translate(ref memory, input.Registers, input.Stage2, new VirtAddr(input.Address), input.Access);
        HashedMemory naiveMemory = new(input.Seed, input.AgentOneIn);
        NaiveWalker naive = new(naiveMemory, naiveRegisters, input.Stage2, input.Access);
        NaiveResult expected = naive.FullTranslate(input.Address);
        Check(memory.Reads <= ReadsMax, input, "too many reads");
        Check(expected.Fault == result.Fault.Kind, input, $"{expected.Fault} {expected.Level} but {result.Fault}");
        if (expected.Fault != FaultKind.None)
        {
            Check(
                (expected.Level, expected.IsStage2, expected.IsOnStage1Walk) == (result.Fault.Level, result.Fault.IsStage2, result.Fault.IsOnStage1Walk),
                input, $"{expected} but {result.Fault}");
        }
        else
        {
            CheckTranslation(input, expected, result);
        }

        Check(memory.Written.Count == naiveMemory.Written.Count && !memory.Written.Except(naiveMemory.Written).Any(), input, "other updates of tables");
        return result;
    }

    private static void CheckTranslation(in RandomTranslation input, in NaiveResult expected, in TranslationResult result)
    {
        Check(expected.Address == result.Address.ToUInt64(), input, $"0x{expected.Address:x} but {result.Address}");
        Check((expected.Level, expected.BlockShift, expected.RunShift) == (result.Level, result.BlockShift, result.RunShift), input, $"{expected} but {result}");
        Check((expected.Attribute, expected.Shareability) == (result.Attributes.Attribute, result.Attributes.Shareability), input, $"{expected} but {result.Attributes}");
        Check(expected.IsGlobal == result.IsGlobal && expected.Descriptor == result.Descriptor.ToUInt64(), input, $"{expected} but {result}");
        Check(expected.Allowed == Letters(result.Permissions), input, $"{expected.Allowed} but {result.Permissions}");
    }

    private static string Letters(AccessPermissions permissions) => string.Concat(
        "rwxrwx".Select((letter, i) => ((int)permissions >> (i < 3 ? i + 3 : i - 3) & 1) != 0 ? letter : '-'));

    private static void Check(bool condition, in RandomTranslation input, string difference)
    {
        if (!condition)
        {
            Assert.Fail($"seed 0x{input.Seed:x}: {difference}\n{input}");
        }
    }
}
