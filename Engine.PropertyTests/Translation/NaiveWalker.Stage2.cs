using Engine.Arm64.Translation;
using Engine.Core.Units;

namespace Engine.PropertyTests.Translation;

// Stage 2 (AArch64.S2Translate and the tables of D8.5 and D8.6).
internal sealed partial class NaiveWalker
{
    private NaiveResult AddStage2(NaiveResult first)
    {
        NaiveResult walked = S2Walk(first.Intermediate, out S2Leaf leaf);
        if (walked.Fault != FaultKind.None)
        {
            return walked;
        }

        bool grants = S2DbmGrants(leaf.Descriptor);
        if (!S2Permits(leaf.Descriptor, grants, access.Kind, access.ExceptionLevel))
        {
            return new NaiveResult(FaultKind.Permission, leaf.Level) { IsStage2 = true };
        }

        NaiveResult update = access.UpdatesTables ? S2Update(leaf, grants && access.Kind >= AccessKind.Store) : default;
        if (update.Fault != FaultKind.None)
        {
            return update;
        }

        ulong descriptor = leaf.Descriptor;
        bool ds = leaf.Ds;
        (byte attribute, int shareability) = Combine(
            first.Attribute, first.Shareability, (int)Bits(descriptor, 5, 2), (int)(ds ? Bits(s2.Vtcr, 13, 12) : Bits(descriptor, 9, 8)));
        string allowed = string.Concat(first.Allowed!.Select((letter, i) =>
            letter != '-' && S2Permits(descriptor, grants, letter switch { 'r' => AccessKind.Load, 'w' => AccessKind.Store, _ => AccessKind.Fetch }, i < 3 ? 1 : 0)
                ? letter : '-'));
        return first with
        {
            Address = walked.Address,
            BlockShift = Math.Min(first.BlockShift, leaf.Shift),
            RunShift = Math.Min(first.RunShift, leaf.Shift + (Bit(descriptor, 52) ? RunBits(leaf.Tg, leaf.Level) : 0)),
            Attribute = attribute,
            Shareability = shareability,
            Allowed = allowed,
        };
    }

    private NaiveResult S2TableWalk(ulong slot, AccessKind kind)
    {
        NaiveResult walked = S2Walk(slot, out S2Leaf leaf);
        if (walked.Fault == FaultKind.None)
        {
            bool grants = S2DbmGrants(leaf.Descriptor);
            bool isDevice = Bit(s2.Hcr, 46) ? !Bit(leaf.Descriptor, 4) : Bits(leaf.Descriptor, 5, 4) == 0;
            if (!S2Permits(leaf.Descriptor, grants, kind, 1) || (Bit(s2.Hcr, 2) && isDevice))
            {
                walked = new NaiveResult(FaultKind.Permission, leaf.Level) { IsStage2 = true };
            }
            else if (access.UpdatesTables && S2Update(leaf, grants && kind == AccessKind.Store) is { Fault: not FaultKind.None } failed)
            {
                walked = failed;
            }
        }

        return walked with { IsOnStage1Walk = walked.Fault != FaultKind.None };
    }

    private NaiveResult S2Walk(ulong ipa, out S2Leaf leaf)
    {
        leaf = default;
        string tg = Bits(s2.Vtcr, 15, 14) switch { 0 => "4K", 1 => "64K", 2 => "16K", _ => "reserved" };
        bool ds = (tg is "4K" or "16K") && Bit(s2.Vtcr, 32) && Have.HasFlag(TranslationFeatures.LargePhysicalAddress2);
        int txsz = (int)Bits(s2.Vtcr, 5, 0);
        int iasize = 64 - txsz;
        int? start = tg == "reserved" ? null : S2StartLevel(tg, ds);
        if (start is not { } level || TxSzFaults(tg, ds, txsz, r.Profile.PhysicalAddressBits == 52)
            || (ds && r.Profile.PhysicalAddressBits < 52 && txsz < 16) || Inconsistent(tg, level, iasize) || ipa >> iasize != 0)
        {
            return new NaiveResult(FaultKind.Translation, 0) { IsStage2 = true };
        }

        int ps = (int)Bits(s2.Vtcr, 18, 16);
        ulong table = TableBase(s2.Vttbr, tg, ds, ps, iasize, level);
        int oasize = PhysicalAddressSize(tg, ds, ps);
        if (table >> oasize != 0)
        {
            return new NaiveResult(FaultKind.AddressSize, 0) { IsStage2 = true };
        }

        for (int topBit = iasize - 1; ; level++)
        {
            int shift = EntryShift(tg, level);
            ulong slot = table + (8 * Bits(ipa, topBit, shift));
            if (!memory.TryRead(new PhysAddr(slot), out ulong descriptor))
            {
                return new NaiveResult(FaultKind.ExternalAbort, level) { IsStage2 = true };
            }

            string kind = Decode(descriptor, level, tg, ds);
            table = OutputBase(descriptor, tg, ds, kind == "table" ? GranuleBits(tg) : shift);
            FaultKind fault = kind == "invalid" ? FaultKind.Translation : table >> oasize != 0 ? FaultKind.AddressSize
                : kind != "table" && !Bit(descriptor, 10) && !S2Ha() ? FaultKind.AccessFlag : FaultKind.None;
            if (fault != FaultKind.None)
            {
                return new NaiveResult(fault, level) { IsStage2 = true };
            }

            if (kind != "table")
            {
                leaf = new S2Leaf(tg, ds, level, shift, descriptor, slot);
                return new NaiveResult(FaultKind.None, level) { Address = table + Bits(ipa, shift - 1, 0) };
            }

            topBit = shift - 1;
        }
    }

    private bool S2Ha() => Bit(s2.Vtcr, 21) && Have.HasFlag(TranslationFeatures.HardwareAccessFlag);

    private bool S2DbmGrants(ulong descriptor) =>
        S2Ha() && Bit(s2.Vtcr, 22) && Have.HasFlag(TranslationFeatures.HardwareDirtyState) && Bit(descriptor, 51);

    // AArch64.S2StartLevel with AArch64.S2InvalidSL; null where invalid.
    private int? S2StartLevel(string tg, bool ds)
    {
        string sl = (ds && Bit(s2.Vtcr, 33) ? "1" : "0") + Bits(s2.Vtcr, 7, 6).ToString("b2");
        int pa = r.Profile.PhysicalAddressBits;
        bool ttst = Have.HasFlag(TranslationFeatures.SmallTables);
        return (tg, sl) switch
        {
            ("4K", "000") => 2,
            ("4K", "001") => 1,
            ("4K", "010") => pa < 44 ? null : 0,
            ("4K", "011") => ttst ? 3 : null,
            ("4K", "100") => pa < 52 ? null : -1,
            ("4K", _) => null,
            ("16K", "000" or "100") => 3,
            ("16K", "001" or "101") => 2,
            ("16K", "010" or "110") => !ds && pa < 42 ? null : 1,
            ("16K", _) => ds && pa >= 52 ? 0 : null,
            ("64K", "000") => 3,
            ("64K", "001") => 2,
            ("64K", "010") => pa < 44 ? null : 1,
            _ => null,
        };
    }

    private static bool Inconsistent(string tg, int level, int iasize)
    {
        int stride = GranuleBits(tg) - 3;
        int min = ((3 - level) * stride) + GranuleBits(tg) + 1;
        int max = min + (stride - 1) + 4;
        return iasize < min || iasize > max;
    }

    private bool S2Permits(ulong descriptor, bool dbmGrants, AccessKind kind, int el)
    {
        bool reads = Bit(descriptor, 6);
        bool writes = Bit(descriptor, 7) || dbmGrants;
        ulong xn = Have.HasFlag(TranslationFeatures.Stage2ExecuteNeverByLevel) ? Bits(descriptor, 54, 53) : Bits(descriptor, 54, 54) * 2;
        bool executes = xn switch { 0 => true, 1 => el == 0, 2 => false, _ => el == 1 };
        return kind switch { AccessKind.Fetch => executes, AccessKind.Load => reads, AccessKind.Store => writes, _ => reads && writes };
    }

    private NaiveResult S2Update(S2Leaf leaf, bool setsDirty)
    {
        ulong updated = leaf.Descriptor;
        updated |= S2Ha() ? 1UL << 10 : 0;
        updated |= setsDirty ? 1UL << 7 : 0;
        return updated == leaf.Descriptor || Swap(leaf.Slot, leaf.Descriptor, updated)
            ? default
            : new NaiveResult(FaultKind.UnsupportedAtomicUpdate, leaf.Level) { IsStage2 = true };
    }

    // D8.6: by names. Cacheabilities are "NC", "WT", "WB" with stage 1's hints.
    private (byte Attribute, int Shareability) Combine(byte first, int firstShareability, int memAttr, int shareability)
    {
        bool firstIsDevice = first >> 4 == 0;
        bool firstIsNc = first is 0x44 or 0x40;
        int sh1 = firstIsDevice || firstIsNc ? 2 : firstShareability;
        byte type;
        bool fwb = Bit(s2.Hcr, 46);
        if (fwb ? (memAttr & 4) == 0 : memAttr < 4)
        {
            byte device = (byte)((memAttr & 3) << 2);
            type = firstIsDevice && (first & 12) < device ? (byte)(first & 12) : device;
        }
        else if (fwb)
        {
            type = (memAttr & 3) switch { 2 => 0xFF, 3 => first, _ => firstIsDevice ? first : (byte)0x44 };
        }
        else
        {
            type = firstIsDevice ? first : (byte)((Weaker(first >> 4, memAttr >> 2) << 4) + Weaker(first & 15, memAttr & 3));
        }

        bool cacheOff = Bit(s2.Hcr, access.Kind == AccessKind.Fetch ? 33 : 32);
        type = cacheOff && type >> 4 != 0 ? (byte)0x44 : type;
        return (type, ShareabilityOf(sh1, shareability));
    }

    private static int ShareabilityOf(int one, int other)
    {
        int[] both = [one, other];
        return both.Contains(2) ? 2 : both.Contains(3) ? 3 : 0;
    }

    private static int Weaker(int nibble, int stage2)
    {
        string own = nibble switch { 4 => "NC", 5 or 6 or 7 or 12 or 13 or 14 or 15 => "WB", _ => "WT" };
        string limit = stage2 switch { 2 => "WT", 3 => "WB", _ => "NC" };
        return (own, limit) switch
        {
            ("NC", _) or (_, "NC") => 4,
            ("WB", "WT") => nibble - 4,
            _ => nibble,
        };
    }
}
