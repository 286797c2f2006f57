// A second walker, only for tests, written from the architecture's shared pseudocode and tables (Arm DDI 0487, J1.1 and D8) in their
// order and words, with no regard for speed. Registers are read bit by bit where a rule names them; permissions are asked for one access
// at a time.

using System.Buffers.Binary;
using Engine.Arm64.Translation;
using Engine.Core.Units;

namespace Engine.PropertyTests.Translation;

/// <summary>Translates one access by the book.</summary>
internal sealed partial class NaiveWalker
{
    private readonly TranslationRegisters r;
    private readonly Stage2Registers s2;
    private readonly TranslationAccess access;
    private readonly ITableMemory memory;

    public NaiveWalker(ITableMemory memory, TranslationRegisters registers, Stage2Registers stage2, TranslationAccess access)
    {
        this.memory = memory;
        r = registers;
        s2 = stage2;
        this.access = access;
    }

    private TranslationFeatures Have => r.Profile.Features;

    public static ulong Bits(ulong value, int high, int low) => high - low == 63 ? value : (value >> low) & ((1UL << (high - low + 1)) - 1);

    public static bool Bit(ulong value, int bit) => Bits(value, bit, bit) == 1;

    /// <summary>AArch64.FullTranslate, and again where a descriptor changed under an update.</summary>
    public NaiveResult FullTranslate(ulong va)
    {
        for (int i = 0; i < 64; i++)
        {
            try
            {
                return Once(va);
            }
            catch (DescriptorChangedException)
            {
            }
        }

        return new NaiveResult(FaultKind.UnsupportedAtomicUpdate, 0);
    }

    private NaiveResult Once(ulong va)
    {
        bool stage2On = Bit(s2.Hcr, 0) || Bit(s2.Hcr, 12);
        NaiveResult first = !Bit(r.Sctlr, 0) || Bit(s2.Hcr, 12) ? S1DisabledOutput(va) : S1Translate(va);
        return first.Fault != FaultKind.None || !stage2On ? first : AddStage2(first);
    }

    private NaiveResult S1DisabledOutput(ulong va)
    {
        bool upper = Bit(va, 55);
        bool tbi = Bit(r.Tcr, upper ? 38 : 37);
        bool tbid = Bit(r.Tcr, upper ? 52 : 51) && Have.HasFlag(TranslationFeatures.PointerAuthentication);
        int addrTop = tbi && !(tbid && access.Kind == AccessKind.Fetch) ? 55 : 63;
        if (Bits(va, addrTop, r.Profile.PhysicalAddressBits) != 0)
        {
            return new NaiveResult(FaultKind.AddressSize, 0);
        }

        byte attribute = Bit(s2.Hcr, 12) ? (byte)0xFF : access.Kind != AccessKind.Fetch ? (byte)0x00 : Bit(r.Sctlr, 12) ? (byte)0xAA : (byte)0x44;
        return new NaiveResult(FaultKind.None, 0)
        {
            Address = Bits(va, addrTop, 0),
            Intermediate = Bits(va, addrTop, 0),
            BlockShift = 12,
            RunShift = 12,
            Attribute = attribute,
            Shareability = Bit(s2.Hcr, 12) ? 0 : 2,
            Allowed = "rwxrwx",
            IsGlobal = true,
        };
    }

    private NaiveResult S1Translate(ulong va)
    {
        bool upper = Bit(va, 55);
        ulong tcr = r.Tcr;
        string tg = upper
            ? Bits(tcr, 31, 30) switch { 1 => "16K", 2 => "4K", 3 => "64K", _ => "reserved" }
            : Bits(tcr, 15, 14) switch { 0 => "4K", 1 => "64K", 2 => "16K", _ => "reserved" };
        int txsz = (int)(upper ? Bits(tcr, 21, 16) : Bits(tcr, 5, 0));
        bool ds = (tg is "4K" or "16K") && Bit(tcr, 59) && Have.HasFlag(TranslationFeatures.LargePhysicalAddress2);
        if (tg == "reserved" || TxSzFaults(tg, ds, txsz, Have.HasFlag(TranslationFeatures.LargeVirtualAddress)))
        {
            return new NaiveResult(FaultKind.Translation, 0);
        }

        int iasize = 64 - txsz;
        bool tbi = Bit(tcr, upper ? 38 : 37);
        bool tbid = Bit(tcr, upper ? 52 : 51) && Have.HasFlag(TranslationFeatures.PointerAuthentication);
        int addrTop = tbi && !(tbid && access.Kind == AccessKind.Fetch) ? 55 : 63;
        for (int bit = iasize; bit <= addrTop; bit++)
        {
            if (Bit(va, bit) != upper)
            {
                return new NaiveResult(FaultKind.Translation, 0);
            }
        }

        bool e0pd = Bit(tcr, upper ? 56 : 55) && Have.HasFlag(TranslationFeatures.E0pd);
        bool epd = Bit(tcr, upper ? 23 : 7);
        if ((e0pd && access.ExceptionLevel == 0) || epd)
        {
            return new NaiveResult(FaultKind.Translation, 0);
        }

        int ps = (int)Bits(tcr, 34, 32);
        ulong baseAddress = TableBase(upper ? r.Ttbr1 : r.Ttbr0, tg, ds, ps, iasize, StartLevel(tg, iasize));
        int oasize = PhysicalAddressSize(tg, ds, ps);
        return baseAddress >> oasize != 0
            ? new NaiveResult(FaultKind.AddressSize, 0)
            : S1Walk(va, upper, tg, ds, iasize, oasize, StartLevel(tg, iasize), baseAddress, iasize - 1, new S1Tables(false, false, false, false));
    }

    // One level; the next one by recursion.
    private NaiveResult S1Walk(
        ulong va, bool upper, string tg, bool ds, int iasize, int oasize, int level, ulong table, int topBit, S1Tables above)
    {
        int shift = EntryShift(tg, level);
        ulong slot = table + (Bits(va, topBit, shift) * 8);
        ulong physicalSlot = slot;
        if (Bit(s2.Hcr, 0) || Bit(s2.Hcr, 12))
        {
            NaiveResult through = S2TableWalk(slot, AccessKind.Load);
            if (through.Fault != FaultKind.None)
            {
                return through;
            }

            physicalSlot = through.Address;
        }

        if (!memory.TryRead(new PhysAddr(physicalSlot), out ulong stored))
        {
            return new NaiveResult(FaultKind.ExternalAbort, level);
        }

        ulong descriptor = Bit(r.Sctlr, 25) ? BinaryPrimitives.ReverseEndianness(stored) : stored;
        string kind = Decode(descriptor, level, tg, ds);
        if (kind == "invalid")
        {
            return new NaiveResult(FaultKind.Translation, level);
        }

        ulong output = OutputBase(descriptor, tg, ds, kind == "table" ? GranuleBits(tg) : shift);
        if (output >> oasize != 0)
        {
            return new NaiveResult(FaultKind.AddressSize, level);
        }

        if (kind == "table")
        {
            bool hpd = Bit(r.Tcr, upper ? 42 : 41) && Have.HasFlag(TranslationFeatures.HierarchicalPermissionDisables);
            return S1Walk(va, upper, tg, ds, iasize, oasize, level + 1, output, shift - 1, hpd ? above : above.And(descriptor));
        }

        return S1Leaf(va, upper, tg, ds, level, shift, descriptor, output, slot, physicalSlot, above);
    }

    private NaiveResult S1Leaf(
        ulong va, bool upper, string tg, bool ds, int level, int shift, ulong descriptor, ulong output, ulong slot, ulong physicalSlot, S1Tables above)
    {
        bool ha = Bit(r.Tcr, 39) && Have.HasFlag(TranslationFeatures.HardwareAccessFlag);
        bool hd = ha && Bit(r.Tcr, 40) && Have.HasFlag(TranslationFeatures.HardwareDirtyState);
        if (!Bit(descriptor, 10) && !ha)
        {
            return new NaiveResult(FaultKind.AccessFlag, level);
        }

        bool dbmGrants = hd && Bit(descriptor, 51);
        S1Rights rights = new(descriptor, above, dbmGrants, Bit(r.Sctlr, 19));
        if (!rights.Permits(access.Kind, access.ExceptionLevel) || PanForbids(rights))
        {
            return new NaiveResult(FaultKind.Permission, level);
        }

        ulong updated = descriptor;
        if (access.UpdatesTables && ha)
        {
            updated |= 1UL << 10;
        }

        if (access.UpdatesTables && dbmGrants && (access.Kind is AccessKind.Store or AccessKind.Modify))
        {
            updated &= ~(1UL << 7);
        }

        NaiveResult update = updated == descriptor ? default : S1Update(slot, physicalSlot, descriptor, updated, level);
        if (update.Fault != FaultKind.None)
        {
            return update;
        }

        ulong address = output + Bits(va, shift - 1, 0);
        int index = (int)Bits(descriptor, 4, 2);
        return new NaiveResult(FaultKind.None, level)
        {
            Address = address,
            Intermediate = address,
            BlockShift = shift,
            RunShift = shift + (Bit(descriptor, 52) ? RunBits(tg, level) : 0),
            Attribute = (byte)Bits(r.Mair, (index * 8) + 7, index * 8),
            Shareability = (int)(ds ? upper ? Bits(r.Tcr, 29, 28) : Bits(r.Tcr, 13, 12) : Bits(descriptor, 9, 8)),
            Allowed = rights.ToString(),
            IsGlobal = !Bit(descriptor, 11),
            Descriptor = updated,
        };
    }

    private bool PanForbids(S1Rights rights)
    {
        bool pan = access.Pan && Have.HasFlag(TranslationFeatures.PrivilegedAccessNever);
        bool epan = Bit(r.Sctlr, 57) && Have.HasFlag(TranslationFeatures.PrivilegedAccessNever3);
        return pan && access.ExceptionLevel == 1 && access.Kind != AccessKind.Fetch
            && (rights.Permits(AccessKind.Load, 0) || rights.Permits(AccessKind.Store, 0) || (epan && rights.Permits(AccessKind.Fetch, 0)));
    }

    private NaiveResult S1Update(ulong slot, ulong physicalSlot, ulong descriptor, ulong updated, int level)
    {
        if (Bit(s2.Hcr, 0) || Bit(s2.Hcr, 12))
        {
            NaiveResult through = S2TableWalk(slot, AccessKind.Store);
            if (through.Fault != FaultKind.None)
            {
                return through;
            }
        }

        bool big = Bit(r.Sctlr, 25);
        ulong expected = big ? BinaryPrimitives.ReverseEndianness(descriptor) : descriptor;
        ulong value = big ? BinaryPrimitives.ReverseEndianness(updated) : updated;
        return Swap(physicalSlot, expected, value) ? default : new NaiveResult(FaultKind.UnsupportedAtomicUpdate, level);
    }

    private bool Swap(ulong slot, ulong expected, ulong value)
    {
        if (!memory.TryCompareExchange(new PhysAddr(slot), expected, value, out ulong found))
        {
            return false;
        }

        return found == expected ? true : throw new DescriptorChangedException();
    }
}
