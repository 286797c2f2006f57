using System.Globalization;
using Xunit;

namespace Engine.PropertyTests.Translation;

/// <summary>PAR_EL1 after a fault of each kind at each level, on five-level tables made for it; the codes are Arm's table of fault status codes.</summary>
public sealed class FaultStatusTests : IDisposable
{
    private const ulong Ram = 0x4000_0000;
    private const ulong Young = 1UL << 10;
    private const ulong ReadOnly = 1UL << 7;

    // Four-KiB granule, DS, T0SZ 12, IPS 48 bits, walks of the upper half off.
    private const ulong Tcr = 12 | (1UL << 23) | (5UL << 32) | (1UL << 59);

    private readonly string folder = Directory.CreateTempSubdirectory("mmsim-walk-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("translation", -1, 0x857)]
    [InlineData("translation", 0, 0x809)]
    [InlineData("translation", 1, 0x80b)]
    [InlineData("translation", 2, 0x80d)]
    [InlineData("translation", 3, 0x80f)]
    [InlineData("address_size", -1, 0x853)]
    [InlineData("address_size", 0, 0x801)]
    [InlineData("address_size", 1, 0x803)]
    [InlineData("address_size", 2, 0x805)]
    [InlineData("address_size", 3, 0x807)]
    [InlineData("access_flag", 0, 0x811)]
    [InlineData("access_flag", 1, 0x813)]
    [InlineData("access_flag", 2, 0x815)]
    [InlineData("access_flag", 3, 0x817)]
    [InlineData("permission", 0, 0x819)]
    [InlineData("permission", 1, 0x81b)]
    [InlineData("permission", 2, 0x81d)]
    [InlineData("permission", 3, 0x81f)]
    [InlineData("external_abort", -1, 0x827)]
    [InlineData("external_abort", 0, 0x829)]
    [InlineData("external_abort", 1, 0x82b)]
    [InlineData("external_abort", 2, 0x82d)]
    [InlineData("external_abort", 3, 0x82f)]
    public void Each_fault_has_its_code(string fault, int level, ulong par)
    {
        string row = Walk(Tables(level, fault), "--access", "w");
        Assert.Equal(string.Create(CultureInfo.InvariantCulture, $"0x0000000000000000,{fault},,{level},,,,0x{par:x16}"), row);
    }

    /// <summary>A translation: attributes above, the frame, shareability from TCR with DS, and the bits that are always set.</summary>
    [Theory]
    [InlineData(0, 0xff00_0000_0000_0a00)]
    [InlineData(2, 0xff00_0000_0000_0b00)]
    [InlineData(3, 0xff00_0000_0000_0b80)]
    public void A_translation_has_its_fields(ulong shareability, ulong fields)
    {
        ulong tcr = (Tcr ^ (3UL << 32)) | (shareability << 12); // IPS 52 bits
        string row = Walk(Tables(3, "none"), "--tcr", $"0x{tcr:x}");
        Assert.EndsWith(string.Create(CultureInfo.InvariantCulture, $",0x{fields | 0x000A_1234_5678_9000:x16}"), row, StringComparison.Ordinal);
    }

    // A chain of tables for address 0, and at one level what makes the fault.
    private static SortedDictionary<ulong, ulong[]> Tables(int faultLevel, string fault)
    {
        SortedDictionary<ulong, ulong[]> pages = [];
        for (int level = -1; level <= faultLevel; level++)
        {
            ulong[] table = new ulong[512];
            ulong table1 = Ram + ((ulong)(uint)(level + 2) * 4096);
            ulong leaf = level == 3 ? 3UL : 1UL;
            table[0] = level < faultLevel ? table1 | 3 : fault switch
            {
                "translation" => 0,
                "address_size" => (1UL << 48) | Young | 3,
                "access_flag" => leaf,
                "permission" => leaf | Young | ReadOnly,
                _ => 0x0002_1234_5678_9000 | (2UL << 8) | Young | leaf,
            };
            if (level < faultLevel || fault != "external_abort")
            {
                pages[Ram + ((ulong)(uint)(level + 1) * 4096)] = table;
            }
        }

        pages[Ram + 0x10_0000] = new ulong[512];
        return pages;
    }

    private string Walk(SortedDictionary<ulong, ulong[]> pages, params string[] options)
    {
        string image = Path.Combine(folder, "pages.bin");
        File.WriteAllBytes(image, ImageFiles.PageList(pages));
        string[] registers = ["--ttbr0", $"0x{Ram:x}", "--mair", "0xff", .. options.Contains("--tcr") ? [] : (string[])["--tcr", $"0x{Tcr:x}"]];
        return WalkCommandLine.Run(["--image", image, "--csv", .. registers, .. options, "0"]).Split('\n')[1];
    }
}
