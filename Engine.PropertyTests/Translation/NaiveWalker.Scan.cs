using System.Globalization;
using Engine.Arm64.Translation;
using Engine.Core.Units;

namespace Engine.PropertyTests.Translation;

// Every descriptor of one half, as the dump and the counts of a whole map see them.
internal sealed partial class NaiveWalker
{
    /// <summary>The lines that a dump of one half has, and how many descriptors of each kind each level has.</summary>
    public (List<string> Lines, SortedDictionary<string, int> Counts) Scan(bool upper)
    {
        ulong tcr = r.Tcr;
        string tg = upper
            ? Bits(tcr, 31, 30) switch { 1 => "16K", 2 => "4K", _ => "64K" }
            : Bits(tcr, 15, 14) switch { 0 => "4K", 1 => "64K", _ => "16K" };
        bool ds = tg != "64K" && Bit(tcr, 59) && Have.HasFlag(TranslationFeatures.LargePhysicalAddress2);
        int iasize = 64 - (int)(upper ? Bits(tcr, 21, 16) : Bits(tcr, 5, 0));
        int ps = (int)Bits(tcr, 34, 32);
        int start = StartLevel(tg, iasize);
        NaiveMap map = new(tg, ds, upper, start, PhysicalAddressSize(tg, ds, ps));
        ulong root = TableBase(upper ? r.Ttbr1 : r.Ttbr0, tg, ds, ps, iasize, start);
        ScanTable(map, root, start, 1 << (iasize - EntryShift(tg, start)), upper ? ulong.MaxValue - (1UL << iasize) + 1 : 0, new S1Tables(false, false, false, false));
        map.CloseRange();
        return (map.Lines, map.Counts);
    }

    private void ScanTable(NaiveMap map, ulong table, int level, int entries, ulong va, S1Tables above)
    {
        int shift = EntryShift(map.Granule, level);
        ulong missingPage = ulong.MaxValue;
        for (int i = 0; i < entries; i++, va = unchecked(va + (1UL << shift)))
        {
            ulong slot = table + (8 * (ulong)i);
            if (!memory.TryRead(new PhysAddr(slot), out ulong descriptor))
            {
                // A page of a table that is not there is told once a table.
                if (missingPage == ulong.MaxValue)
                {
                    map.CloseRange();
                    map.Lines.Add(string.Create(CultureInfo.InvariantCulture, $"0x{va:x16}: the level {level} table at 0x{table:x} is not in the image"));
                    map.Count(level, "missing_tables");
                }

                missingPage = slot >> 12;
                continue;
            }

            string kind = Decode(descriptor, level, map.Granule, map.IsWide);
            map.Count(level, kind switch { "table" => "tables", "block" => "blocks", "page" => "pages", _ => descriptor == 0 ? "zero" : "invalid_nonzero" });
            ulong output = OutputBase(descriptor, map.Granule, map.IsWide, kind == "table" ? GranuleBits(map.Granule) : shift);
            if (kind == "table" && output >> map.OutputSize == 0)
            {
                bool hpd = Bit(r.Tcr, map.IsUpper ? 42 : 41) && Have.HasFlag(TranslationFeatures.HierarchicalPermissionDisables);
                ScanTable(map, output, level + 1, 1 << (GranuleBits(map.Granule) - 3), va, hpd ? above : above.And(descriptor));
            }
            else if (kind is "block" or "page")
            {
                bool isRun = Bit(descriptor, 52) && RunBits(map.Granule, level) > 0;
                if (isRun)
                {
                    map.Count(level, "contiguous");
                }

                map.AddLeaf(va, shift, level, DumpAttributes(map, descriptor, level, isRun, above), (int)Bits(descriptor, 4, 2));
            }
        }
    }

    private string DumpAttributes(NaiveMap map, ulong descriptor, int level, bool isRun, S1Tables above)
    {
        bool ha = Bit(r.Tcr, 39) && Have.HasFlag(TranslationFeatures.HardwareAccessFlag);
        bool hd = ha && Bit(r.Tcr, 40) && Have.HasFlag(TranslationFeatures.HardwareDirtyState);
        string rights = new S1Rights(descriptor, above, hd && Bit(descriptor, 51), Bit(r.Sctlr, 19)).ToString();
        ulong sh = map.IsWide ? (map.IsUpper ? Bits(r.Tcr, 29, 28) : Bits(r.Tcr, 13, 12)) : Bits(descriptor, 9, 8);
        int index = (int)Bits(descriptor, 4, 2);
        string type = Bits(r.Mair, (index * 8) + 7, index * 8) switch
        {
            0x00 => "DEVICE/nGnRnE",
            0x04 => "DEVICE/nGnRE",
            0x44 => "MEM/NORMAL-NC",
            0xBB => "MEM/NORMAL-WT",
            0xF0 => "MEM/NORMAL-TAGGED",
            _ => "MEM/NORMAL",
        };
        return (rights[3] == 'r' ? "USR" : "   ") + (rights[1] == 'w' ? " RW" : " ro") + (rights[2] == 'x' ? " x " : " NX")
            + (sh switch { 3 => " SHD", 2 => " OSH", _ => "    " }) + (Bit(descriptor, 10) ? " AF" : "   ") + (Bit(descriptor, 11) ? " NG" : "   ")
            + (isRun ? " CON" : "    ") + (level < 3 ? " BLK" : "    ") + (rights[5] == 'x' ? "    " : " UXN") + (Bit(descriptor, 50) ? " GP" : "   ") + " " + type;
    }
}
