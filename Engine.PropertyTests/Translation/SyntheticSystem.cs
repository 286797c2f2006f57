using System.Globalization;
using Engine.Arm64.Translation;

namespace Engine.PropertyTests.Translation;

/// <summary>
/// A system's memory with random tables of a shape, as a kernel could have made them: linear maps of blocks, runs and pages, user pages
/// old and clean, swap entries, restrictions of tables; some garbage, and holes where the image lacks a page.
/// </summary>
internal sealed class SyntheticSystem
{
    private const int PageWords = 512;
    private const int TablesPerHalf = 28;

    private readonly SeededSource random;
    private readonly SortedDictionary<ulong, ulong[]> pages = [];
    private ulong free;
    private int tablesLeft;

    public SyntheticSystem(SystemShape shape, int seed)
    {
        Shape = shape;
        random = new SeededSource(seed);
        free = shape.RamStart;
        LowerRoot = BuildHalf(shape.UserBits, 0);
        UpperRoot = BuildHalf(shape.KernelBits, ulong.MaxValue << (shape.KernelBits - 1) << 1);
        ulong[] removable = [.. pages.Keys.Where(page => page != LowerRoot >> 12 << 12 && page != UpperRoot >> 12 << 12)];
        foreach (ulong page in removable.Where(_ => random.Next(16) == 0))
        {
            pages.Remove(page);
        }
    }

    public SystemShape Shape { get; }

    public ulong LowerRoot { get; }

    public ulong UpperRoot { get; }

    /// <summary>Addresses in and around everything that was mapped.</summary>
    public List<ulong> Addresses { get; } = [];

    /// <summary>The pages of the image, ascending.</summary>
    public IReadOnlyDictionary<ulong, ulong[]> Pages => pages;

    public TranslationRegisters Registers => new(
        Shape.PlaceInTtbr(LowerRoot), Shape.PlaceInTtbr(UpperRoot) | (0x36UL << 48), Shape.Tcr, SystemShape.Mair, 0x0200_0000_34F4_D91D, Shape.Profile);

    /// <summary>The registers as a recording's file has them, and contexts with values that are reserved or out of range.</summary>
    public string ContextJson()
    {
        TranslationRegisters r = Registers;
        (ulong mmfr0, ulong mmfr1, ulong mmfr2) = Shape.IdRegisters;
        string Context(string name, ulong tcr) => string.Create(CultureInfo.InvariantCulture, $$"""
            { "name": "{{name}}", "cpu": 0, "el": 1, "pan": 0, "ttbr0": "0x{{r.Ttbr0:x16}}", "ttbr1": "0x{{r.Ttbr1:x16}}", "tcr": "0x{{tcr:x16}}", "mair": "0x{{r.Mair:x16}}", "sctlr": "0x{{r.Sctlr:x16}}" }
            """);
        return string.Create(CultureInfo.InvariantCulture, $$"""
            { "cpus": [ { "ID_AA64MMFR0_EL1": "0x{{mmfr0:x}}", "ID_AA64MMFR1_EL1": "0x{{mmfr1:x}}", "ID_AA64MMFR2_EL1": "0x{{mmfr2:x}}", "ID_AA64ISAR1_EL1": "0x0", "ID_AA64ISAR2_EL1_RESERVED": "0x0" } ],
              "contexts": [ {{string.Join(",\n", Contexts.Select(context => Context(context.Name, context.Tcr)))}} ] }
            """);
    }

    /// <summary>The contexts of <see cref="ContextJson"/>, by name, with their TCR.</summary>
    public IEnumerable<(string Name, ulong Tcr)> Contexts =>
    [
        ("plain", Shape.Tcr),
        ("reserved-tg0", Shape.Tcr | (3UL << 14)),
        ("reserved-tg1", Shape.Tcr & ~(3UL << 30)),
        ("t0sz-above", Shape.Tcr | 63),
        ("t1sz-above", Shape.Tcr | (63UL << 16)),
        ("t0sz-below", Shape.Tcr & ~63UL),
        ("t1sz-below", (Shape.Tcr & ~(63UL << 16)) | (5UL << 16)),
        ("epd", Shape.Tcr | (1UL << 7) | (1UL << 23)),
        ("narrow", Shape.Tcr & ~(7UL << 32)),
        ("hpd", Shape.Tcr | (3UL << 41)),
        ("no-tbi", Shape.Tcr & ~(1UL << 37)),
    ];

    private ulong BuildHalf(int inputBits, ulong start)
    {
        tablesLeft = TablesPerHalf;
        int level = Shape.StartLevel(inputBits);
        int entries = 1 << (inputBits - Shape.EntryShift(level));

        // A root may be smaller than a page; it is aligned to its size.
        ulong root = Allocate(1UL << Shape.Granule) + (entries * 8 < 2048 ? 0x400UL : 0);
        Fill(root, level, entries, start);
        ulong top = start == 0 ? 1UL << inputBits : start - 1;
        Addresses.AddRange([top, top - 1, start, start == 0 ? 0x5A00_0000_0000_0000UL + top - 8 : start ^ (1UL << 60)]);
        return root;
    }

    private ulong Allocate(ulong lengthBytes)
    {
        free = (free + lengthBytes - 1) & ~(lengthBytes - 1);
        ulong found = free;
        free += lengthBytes * (1 + (ulong)random.Next(3));
        for (ulong page = found; page < found + lengthBytes; page += 4096)
        {
            pages[page] = new ulong[PageWords];
        }

        return found;
    }

    private void Fill(ulong table, int level, int entries, ulong start)
    {
        int shift = Shape.EntryShift(level);
        int clusters = level == 3 ? 5 : 4;
        for (int cluster = 0; cluster < clusters; cluster++)
        {
            int index = random.Next(entries);
            bool leads = level < 3 && tablesLeft > 0 && (cluster == 0 || random.Next(2) == 0);
            if (leads)
            {
                if (Read(table + ((ulong)index * 8)) == 0)
                {
                    tablesLeft--;
                    ulong child = Allocate(1UL << Shape.Granule);
                    ulong restrictions = (ulong)(random.Next(4) == 0 ? random.Next(16) : start == 0 ? 1 : random.Next(2)) << 59;
                    Put(table, index, Shape.Place(child) | 3 | restrictions, start, shift);
                    Fill(child, level + 1, 1 << Shape.Stride, unchecked(start + ((ulong)index << shift)));
                }

                continue;
            }

            FillLeaves(table, level, index, entries, start);
        }
    }

    // A run, some neighbours alike, one leaf, or something that is none.
    private void FillLeaves(ulong table, int level, int index, int entries, ulong start)
    {
        int shift = Shape.EntryShift(level);
        int runLog2 = Shape.RunLog2(level);
        bool isRun = runLog2 > 0 && random.Next(3) == 0 && entries >= 1 << runLog2;
        int count = isRun ? 1 << runLog2 : random.Next(2) == 0 ? 1 : 1 + random.Next(Math.Min(entries, 12));
        index = isRun ? index & -count : Math.Min(index, entries - count);
        ulong type = level == 3 ? 3UL : 1UL;
        ulong attributes = Attributes() | type | (isRun || random.Next(12) == 0 ? 1UL << 52 : 0);
        ulong output = (ulong)random.NextInt64() & ((1UL << Shape.Profile.PhysicalAddressBits) - 1) & (ulong.MaxValue << (shift + (isRun ? runLog2 : 0)));
        for (int i = 0; i < count; i++)
        {
            ulong target = (output + ((ulong)i << shift)) & ((1UL << Shape.Profile.PhysicalAddressBits) - 1);
            ulong descriptor = random.Next(24) switch
            {
                0 => (ulong)random.NextInt64() & ~3UL, // a swap entry, or anything that software keeps there
                1 => attributes & ~1UL & ~(1UL << 52), // made invalid
                2 when !isRun => (ulong)random.NextInt64() | ((ulong)random.NextInt64() << 1),
                _ => Shape.Place(target) | attributes,
            };
            if (Read(table + ((ulong)(index + i) * 8)) == 0)
            {
                Put(table, index + i, descriptor, start, shift);
            }
        }
    }

    private ulong Attributes()
    {
        ulong word = (ulong)random.NextInt64();
        ulong attributes = (word & 7) << 2;
        attributes |= (word >> 3 & 3) << 6;
        attributes |= Shape.IsWide ? 0 : (word >> 5 & 1) != 0 ? 3UL << 8 : (word >> 6 & 2) << 8;
        attributes |= (word >> 8 & 7) != 0 ? 1UL << 10 : 0;
        attributes |= (word >> 11 & 1) << 11;
        attributes |= (word >> 12 & 15) == 0 ? 1UL << 50 : 0;
        attributes |= (word >> 16 & 1) << 51;
        attributes |= (word >> 17 & 3) << 53;
        return attributes | ((word >> 20 & 15) << 55);
    }

    private ulong Read(ulong address) => pages[address & ~4095UL][(address & 4095) / 8];

    private void Put(ulong table, int index, ulong descriptor, ulong start, int shift)
    {
        ulong address = table + ((ulong)index * 8);
        pages[address & ~4095UL][(address & 4095) / 8] = descriptor;
        ulong first = unchecked(start + ((ulong)index << shift));
        Addresses.Add(unchecked(first + ((ulong)random.NextInt64() & ((1UL << shift) - 1))));
        if (random.Next(6) == 0)
        {
            Addresses.Add(unchecked(first - 1));
            Addresses.Add(unchecked(first + (1UL << shift)));
            Addresses.Add(first ^ (1UL << random.Next(48, 64)));
        }
    }
}
