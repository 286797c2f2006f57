using Engine.Arm64.Translation;

namespace Engine.PropertyTests.Translation;

// Granules, levels, sizes and addresses in descriptors.
internal sealed partial class NaiveWalker
{
    private static int GranuleBits(string tg) => tg switch { "4K" => 12, "16K" => 14, _ => 16 };

    // What an entry of a level translates: the tables of D8.2.
    private static int EntryShift(string tg, int level) => (tg, level) switch
    {
        ("4K", -1) => 48,
        ("4K", 0) => 39,
        ("4K", 1) => 30,
        ("4K", 2) => 21,
        ("4K", 3) => 12,
        ("16K", 0) => 47,
        ("16K", 1) => 36,
        ("16K", 2) => 25,
        ("16K", 3) => 14,
        ("64K", 1) => 42,
        ("64K", 2) => 29,
        ("64K", 3) => 16,
        _ => throw new InvalidOperationException($"{tg} has no level {level}"),
    };

    private static int RunBits(string tg, int level) => (tg, level) switch
    {
        ("4K", 1 or 2 or 3) => 4,
        ("16K", 2) => 5,
        ("16K", 3) => 7,
        ("64K", 2 or 3) => 5,
        _ => 0,
    };

    // The highest level at which the address is not yet used up.
    private static int StartLevel(string tg, int iasize)
    {
        int level = 3;
        for (int lowest = tg == "4K" ? -1 : tg == "16K" ? 0 : 1; level > lowest && EntryShift(tg, level - 1) < iasize; level--)
        {
        }

        return level;
    }

    private bool TxSzFaults(string tg, bool ds, int txsz, bool has52BitInput)
    {
        int min = ds || (tg == "64K" && has52BitInput) ? 12 : 16;
        int max = !Have.HasFlag(TranslationFeatures.SmallTables) ? 39 : tg == "64K" ? 47 : 48;
        return txsz < min || txsz > max;
    }

    private int PhysicalAddressSize(string tg, bool ds, int ps)
    {
        int configured = ps switch { 0 => 32, 1 => 36, 2 => 40, 3 => 42, 4 => 44, 5 => 48, _ => 52 };
        int format = tg == "64K" || ds ? 52 : 48;
        return new[] { configured, format, r.Profile.PhysicalAddressBits }.Min();
    }

    private ulong TableBase(ulong ttbr, string tg, bool ds, int ps, int iasize, int startLevel)
    {
        int tsize = iasize - EntryShift(tg, startLevel) + 3;
        bool lpa = tg == "64K" && ps == 6 && Have.HasFlag(TranslationFeatures.LargePhysicalAddress);
        if (!ds && !lpa)
        {
            return AlignDown(Bits(ttbr, 47, 1) << 1, tsize);
        }

        return AlignDown((Bits(ttbr, 5, 2) << 48) + (Bits(ttbr, 47, 6) << 6), Math.Max(6, tsize));
    }

    private ulong OutputBase(ulong descriptor, string tg, bool ds, int alignment)
    {
        ulong low = AlignDown(Bits(descriptor, 47, 0), alignment);
        if (tg == "64K" && Have.HasFlag(TranslationFeatures.LargePhysicalAddress))
        {
            return low + (Bits(descriptor, 15, 12) << 48);
        }

        return ds ? low + (Bits(descriptor, 9, 8) << 50) + (Bits(descriptor, 49, 48) << 48) : low;
    }

    private string Decode(ulong descriptor, int level, string tg, bool ds)
    {
        if (!Bit(descriptor, 0))
        {
            return "invalid";
        }

        if (Bit(descriptor, 1))
        {
            return level == 3 ? "page" : "table";
        }

        bool lpa = Have.HasFlag(TranslationFeatures.LargePhysicalAddress);
        bool legal = (tg, level) switch
        {
            ("4K", 1 or 2) or ("16K", 2) or ("64K", 2) => true,
            ("4K", 0) or ("16K", 1) => ds,
            ("64K", 1) => lpa,
            _ => false,
        };
        return legal ? "block" : "invalid";
    }

    private static ulong AlignDown(ulong address, int bits) => address - (address % (1UL << bits));
}
