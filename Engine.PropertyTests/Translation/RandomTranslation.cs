using Engine.Arm64.Translation;

namespace Engine.PropertyTests.Translation;

/// <summary>Random registers, addresses and accesses from one seed: legal settings more often than not, all illegal ones as well.</summary>
internal readonly record struct RandomTranslation(
    ulong Seed, TranslationRegisters Registers, Stage2Registers Stage2, TranslationAccess Access, ulong Address, int AgentOneIn)
{
    // Types that MAIR may hold (others are unpredictable).
    private static ReadOnlySpan<byte> Types => [0x00, 0x04, 0x08, 0x0C, 0x44, 0xFF, 0xBB, 0xAA, 0xF4, 0x4F, 0x77, 0x33, 0xEE, 0xB4];

    public static RandomTranslation From(ulong seed)
    {
        Source random = new(seed);
        ulong tcr = random.Next();
        tcr = WithSize(tcr, 0, random);
        tcr = WithSize(tcr, 16, random);
        tcr &= random.OneIn(8) ? ulong.MaxValue : ~((1UL << 7) | (1UL << 23));
        tcr &= random.OneIn(4) ? ulong.MaxValue : ~((1UL << 55) | (1UL << 56));
        tcr = random.OneIn(3) ? tcr : (tcr & ~(7UL << 32)) | (6UL << 32);
        ulong sctlr = random.Next() & ~((1UL << 0) | (1UL << 19) | (1UL << 25));
        sctlr |= random.OneIn(16) ? 0 : 1UL << 0;
        sctlr |= random.OneIn(4) ? 1UL << 19 : 0;
        sctlr |= random.OneIn(16) ? 1UL << 25 : 0;
        ulong mair = 0;
        for (int i = 0; i < 8; i++)
        {
            mair |= (ulong)Types[(int)(random.Next() % (ulong)Types.Length)] << (8 * i);
        }

        TranslationFeatures features = random.OneIn(2) ? TranslationFeatures.All : (TranslationFeatures)(random.Next() & (ulong)TranslationFeatures.All);
        int paBits = random.OneIn(2) ? 52 : ArchitectureProfile.AddressBitsOf((int)(random.Next() % 7));
        TranslationRegisters registers = new(Root(random), Root(random), tcr, mair, sctlr, new ArchitectureProfile(features, paBits));
        Stage2Registers stage2 = random.OneIn(2) ? Stage2Registers.Off : MakeStage2(random);
        TranslationAccess access = new((AccessKind)(random.Next() & 3), (int)(random.Next() & 1), random.OneIn(2), !random.OneIn(3));
        ulong address = Canonical(random.Next(), (int)(tcr >> (random.OneIn(2) ? 0 : 16)) & 63, random);
        return new RandomTranslation(seed, registers, stage2, access, address, random.OneIn(4) ? 2 : 0);
    }

    private static ulong WithSize(ulong tcr, int shift, Source random)
    {
        ulong size = random.OneIn(8) ? random.Next() & 63 : random.OneIn(3) ? 12 + (random.Next() % 37) : 16 + (random.Next() % 24);
        return (tcr & ~(63UL << shift)) | (size << shift);
    }

    private static Stage2Registers MakeStage2(Source random)
    {
        ulong vtcr = WithSize(random.Next(), 0, random);
        vtcr = random.OneIn(3) ? vtcr : (vtcr & ~(7UL << 16)) | (6UL << 16);

        // Choose a start level that fits more often than chance would.
        int granule = ((vtcr >> 14) & 3) switch { 0 => 12, 1 => 16, _ => 14 };
        int input = 64 - (int)(vtcr & 63);
        int level = 3 - Math.Max(0, (input - 1 - granule - (int)(random.Next() & 3)) / (granule - 3));
        ulong sl0 = granule == 12 ? (ulong)(level is 3 ? 3 : Math.Max(0, 2 - level)) : (ulong)(3 - Math.Max(0, level));
        vtcr = random.OneIn(4) ? vtcr : (vtcr & ~(3UL << 6) & ~(1UL << 33)) | (sl0 << 6);
        vtcr |= level < 0 && granule == 12 ? (1UL << 33) | (1UL << 32) : 0;
        vtcr = level < 0 && granule == 12 ? vtcr & ~(3UL << 6) : vtcr;
        ulong hcr = random.Next() & ((1UL << 2) | (1UL << 46) | (random.OneIn(8) ? (1UL << 32) | (1UL << 33) : 0));
        hcr |= random.OneIn(8) ? 0UL : 1UL;
        hcr |= random.OneIn(8) ? 1UL << 12 : 0;
        return new Stage2Registers(Root(random), vtcr, hcr);
    }

    private static ulong Root(Source random)
    {
        ulong root = random.Next();
        return random.OneIn(4) ? root : root & 0xFFFF_0000_FFFF_FFC1UL;
    }

    // Sign-extended from the input size, with a tag or a stray bit now and then.
    private static ulong Canonical(ulong address, int size, Source random)
    {
        int extra = Math.Clamp(size, 1, 63);
        ulong extended = (address & 1) != 0 ? address >> extra : ~(ulong.MaxValue >> extra) | (address >> extra);
        extended = random.OneIn(4) ? (extended & (ulong.MaxValue >> 8)) | (random.Next() << 56) : extended;
        return random.OneIn(16) ? extended ^ (1UL << (int)(random.Next() & 63)) : extended;
    }

    private sealed class Source(ulong seed)
    {
        private ulong state = HashedMemory.Mix(seed);

        public ulong Next() => HashedMemory.Mix(unchecked(state += 0x9E37_79B9_7F4A_7C15UL));

        public bool OneIn(int count) => Next() % (ulong)count == 0;
    }
}
