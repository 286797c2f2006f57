using System.Text.Json;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.PropertyTests.Support;
using Mmsim.Images;
using Mmsim.Walk;
using Xunit;

namespace Engine.PropertyTests.Translation;

/// <summary>Every row of every recording beside this checkout: the walker says what the real machine said.</summary>
public sealed class CaptureTests
{
    private const string Recordings = "data/arm64-capture";
    private const ulong TcrHardwareAccessFlag = 1UL << 39;

    /// <summary>Data reads. Where the recording ignored a clear access flag, the walk faults with just that, and the address agrees once the flag is hardware's.</summary>
    [SharedDataFact(Recordings)]
    public void All_translated_addresses_agree() => Assert.All(Capture.Folders(), folder =>
    {
        using Capture capture = new(folder);
        ImageMemory memory = new(capture.Image);
        int rows = 0;
        foreach (string[] row in capture.Rows("truth.csv.gz"))
        {
            TranslationRegisters registers = capture.Context(row[4]).Registers;
            TranslationAccess access = new(AccessKind.Load, row[2] == "el0" ? 0 : 1, Pan: row[2] == "el1-pan");
            VirtAddr address = new(Capture.Hex(row[0]));
            TranslationResult result = Walker.Translate(ref memory, registers, address, access);
            if (row[6] == "1")
            {
                Assert.Equal(FaultKind.AccessFlag, result.Fault.Kind);
                TranslationRegisters withFlag = registers with
                {
                    Tcr = registers.Tcr | TcrHardwareAccessFlag,
                    Profile = ArchitectureProfile.Full with { PhysicalAddressBits = registers.Profile.PhysicalAddressBits },
                };
                result = Walker.Translate(ref memory, withFlag, address, access);
            }

            string found = result.IsOk ? result.Address.ToString() : "fault";
            Assert.True(found == row[3], $"{folder}: {string.Join(',', row)}: {found} {result.Fault}");
            Assert.Equal(Capture.Hex(row[1]), registers.Asid.ToUInt16());
            rows++;
        }

        Assert.True(rows > 1000, $"{folder}: {rows} rows");
    });

    [SharedDataFact(Recordings)]
    public void All_address_translation_instructions_agree() => Assert.All(Capture.Folders(), folder =>
    {
        using Capture capture = new(folder);
        ImageMemory memory = new(capture.Image);
        int rows = 0;
        foreach (string[] row in capture.Rows("at.csv.gz"))
        {
            TranslationAccess access = new(row[1][4] == 'W' ? AccessKind.Store : AccessKind.Load, row[1][3] - '0', Pan: row[1].EndsWith('P'));
            TranslationResult result = Walker.Translate(ref memory, capture.Context(row[0]).Registers, new VirtAddr(Capture.Hex(row[2])), access);
            Assert.True(result.ParEl1 == Capture.Hex(row[3]), $"{folder}: {string.Join(',', row)}: 0x{result.ParEl1:x16} {result.Fault}");
            rows++;
        }

        Assert.True(rows > 1000, $"{folder}: {rows} rows");
    });

    /// <summary>The kernel's own view of its processes: present (bit 63) and the frame, in units of its page size.</summary>
    [SharedDataFact(Recordings)]
    public void All_pagemap_entries_agree() => Assert.All(Capture.Folders(), folder =>
    {
        using Capture capture = new(folder);
        ImageMemory memory = new(capture.Image);
        JsonElement json = capture.Json();
        Dictionary<string, ulong> roots = json.GetProperty("processes").EnumerateObject()
            .ToDictionary(process => process.Name, process => Capture.Hex(process.Value.GetProperty("ttbr0").GetString()!));
        TranslationRegisters any = capture.Context(json.GetProperty("contexts")[0].GetProperty("name").GetString()!).Registers;
        int pageShift = TranslationControl.Decode(any, isUpper: false).Format.GranuleShift;
        int rows = 0;
        foreach (string[] row in capture.Rows("pagemap.csv.gz"))
        {
            const ulong Present = 1UL << 63;
            const ulong Frame = (1UL << 55) - 1;
            TranslationRegisters registers = any with { Ttbr0 = roots[row[0]], Tcr = any.Tcr | TcrHardwareAccessFlag, Profile = ArchitectureProfile.Full };
            ulong entry = Capture.Hex(row[3]);
            TranslationResult result = Walker.Translate(
                ref memory, registers, new VirtAddr(Capture.Hex(row[2])), new TranslationAccess(AccessKind.Load, 1));

            // Present without access: PTE_PROT_NONE until Linux 6.10, since then PTE_PRESENT_INVALID, which is nG of an invalid entry.
            bool isProtNone = !result.IsOk && (result.Descriptor.IsProtNone || (!result.Descriptor.IsValid && result.Descriptor.IsNotGlobal));
            bool isPresent = result.IsOk || isProtNone;
            Assert.True(isPresent == ((entry & Present) != 0), $"{folder}: {string.Join(',', row)}: {result.Fault}");
            if (result.IsOk)
            {
                Assert.Equal(entry & Frame, result.Address.ToUInt64() >> pageShift);
            }

            rows++;
        }

        Assert.True(rows > 1000, $"{folder}: {rows} rows");
    });

    /// <summary>The recording's own counts of the kernel's tables and of each process's.</summary>
    [SharedDataFact(Recordings)]
    public void All_descriptor_counts_agree() => Assert.All(Capture.Folders(), folder =>
    {
        using Capture capture = new(folder);
        ImageMemory memory = new(capture.Image);
        JsonElement json = capture.Json();
        int compared = 0;
        foreach (JsonProperty half in json.GetProperty("stats").EnumerateObject())
        {
            bool isUpper = half.Name.Contains("TTBR1", StringComparison.Ordinal);
            if (!TryFindRegisters(capture, json, half.Name, out TranslationRegisters registers))
            {
                continue;
            }

            TreeVisitor visitor = new(new HalfCounts(isUpper), null);
            Assert.True(TableScanner.Scan(ref memory, registers, isUpper, 100_000, ref visitor));
            Compare(half, visitor.Counts);
            compared++;
        }

        Assert.True(compared > 3, $"{folder}: {compared} trees compared");
    });

    private static bool TryFindRegisters(Capture capture, JsonElement json, string name, out TranslationRegisters registers)
    {
        registers = capture.Context("at-kernel").Registers;
        if (name.StartsWith("user ", StringComparison.Ordinal))
        {
            string process = name.Split(' ')[1];
            bool isKnown = json.GetProperty("processes").TryGetProperty(process, out JsonElement found);
            registers = isKnown ? registers with { Ttbr0 = Capture.Hex(found.GetProperty("ttbr0").GetString()!) } : registers;
            return isKnown;
        }

        registers = name.StartsWith("cpu0.TTBR1", StringComparison.Ordinal) ? capture.Context("cpu0-A").Registers : registers;
        return true;
    }

    private static void Compare(JsonProperty half, HalfCounts counts)
    {
        Dictionary<string, long> expected = half.Value.GetProperty("desc").EnumerateObject().ToDictionary(pair => pair.Name, pair => pair.Value.GetInt64());
        foreach (JsonProperty pair in half.Value.GetProperty("invalid").EnumerateObject())
        {
            expected.Add(pair.Name, pair.Value.GetInt64());
        }

        Dictionary<string, long> found = [];
        foreach (int level in counts.Levels())
        {
            Add(found, $"L{level} table-desc", counts[level, DescriptorCount.Table]);
            Add(found, $"L{level} block", counts[level, DescriptorCount.Block]);
            Add(found, $"L{level} page", counts[level, DescriptorCount.Page]);
            Add(found, $"L{level} zero", counts[level, DescriptorCount.Zero]);
            Add(found, $"L{level} invalid-nonzero", counts[level, DescriptorCount.InvalidNonzero]);
            Assert.Equal(0, counts[level, DescriptorCount.MissingTable]);
        }

        Assert.Equal(expected.OrderBy(pair => pair.Key), found.OrderBy(pair => pair.Key));
        long contiguous = half.Value.GetProperty("contig").EnumerateObject().Sum(pair => pair.Value.GetInt64());
        Assert.Equal(contiguous, counts.Levels().Sum(level => counts[level, DescriptorCount.Contiguous]));
    }

    private static void Add(Dictionary<string, long> found, string key, long count)
    {
        if (count != 0)
        {
            found.Add(key, count);
        }
    }
}
