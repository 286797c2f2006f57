using System.Globalization;
using System.Text;
using Engine.Core.Arena;
using Engine.Core.Units;

namespace Engine.PropertyTests.Kernel;

/// <summary>
/// A second writer of <c>kernel_page_tables</c>, from arch/arm64/mm/ptdump.c of Linux v6.9 and the bits of the Arm manual alone: first
/// every entry in a list, then lines from the list. It shares no constant with the engine.
/// </summary>
internal static class PtdumpModel
{
    // pte_bits[]: mask, value, what is printed where they agree, and where not (null: nothing).
    private static readonly (ulong Mask, ulong Value, string Set, string? Clear)[] Bits =
    [
        (1, 1, " ", "F"), (1UL << 6, 1UL << 6, "USR", "   "), (1UL << 7, 1UL << 7, "ro", "RW"), (1UL << 53, 1UL << 53, "NX", "x "),
        (3UL << 8, 3UL << 8, "SHD", "   "), (1UL << 10, 1UL << 10, "AF", "  "), (1UL << 11, 1UL << 11, "NG", "  "),
        (1UL << 52, 1UL << 52, "CON", "   "), (2, 2, "   ", "BLK"), (1UL << 54, 1UL << 54, "UXN", "   "), (1UL << 50, 1UL << 50, "GP", "  "),
        (7UL << 2, 3UL << 2, "DEVICE/nGnRnE", null), (7UL << 2, 4UL << 2, "DEVICE/nGnRE", null), (7UL << 2, 2UL << 2, "MEM/NORMAL-NC", null),
        (7UL << 2, 0, "MEM/NORMAL", null), (7UL << 2, 1UL << 2, "MEM/NORMAL-TAGGED", null),
    ];

    private static readonly (ulong Start, string Name)[] Markers =
    [
        (0xffff_0000_0000_0000, "Linear Mapping start"), (0xffff_8000_0000_0000, "Linear Mapping end"), (0xffff_8000_0000_0000, "Modules start"),
        (0xffff_8000_8000_0000, "Modules end"), (0xffff_8000_8000_0000, "vmalloc() area"), (0xffff_fdff_bf80_0000, "vmalloc() end"),
        (0xffff_fdff_c000_0000, "vmemmap start"), (0xffff_ffff_c000_0000, "vmemmap end"), (0xffff_ffff_c080_0000, "PCI I/O start"),
        (0xffff_ffff_c180_0000, "PCI I/O end"),
    ];

    /// <summary>Where the fixmap begins, which depends on its slots, and where it ends.</summary>
    public static string Format(PhysicalMemory memory, ulong root, ulong fixmapStart, ulong fixmapEnd)
    {
        ulong shown = Bits.Aggregate(0UL, (all, bit) => all | bit.Mask);
        List<(ulong Address, string Level, ulong Protection)> notes = [];
        Collect(memory, root, 0xffff_0000_0000_0000, 0, (address, level, descriptor) => notes.Add((address, level, descriptor & shown)));
        Queue<(ulong Start, string Name)> markers = new([.. Markers, (fixmapStart, "Fixmap start"), (fixmapEnd, "Fixmap end")]);
        StringBuilder text = new($"---[ {markers.Dequeue().Name} ]---\n");
        int open = 0;
        for (int i = 1; i <= notes.Count; i++)
        {
            ulong address = i < notes.Count ? notes[i].Address : 0;
            bool isDue = markers.TryPeek(out (ulong Start, string Name) next) && address >= next.Start;
            if (isDue || i == notes.Count || notes[i].Level != notes[open].Level || notes[i].Protection != notes[open].Protection)
            {
                text.Append(Line(notes[open], address));
                open = i;
                if (isDue)
                {
                    text.Append(CultureInfo.InvariantCulture, $"---[ {markers.Dequeue().Name} ]---\n");
                }
            }

            if (markers.TryPeek(out next) && address >= next.Start)
            {
                text.Append(CultureInfo.InvariantCulture, $"---[ {markers.Dequeue().Name} ]---\n");
            }
        }

        return text.ToString();
    }

    private static void Collect(PhysicalMemory memory, ulong table, ulong address, int level, Action<ulong, string, ulong> note)
    {
        ulong step = 1UL << (39 - (9 * level));
        for (ulong i = 0; i < 512; i++)
        {
            ulong descriptor = memory.TryRead(new PhysAddr(table + (8 * i)), out ulong found) ? found : 0;
            if (level < 3 && (descriptor & 3) == 3)
            {
                Collect(memory, descriptor & 0x0000_ffff_ffff_f000, address + (step * i), level + 1, note);
            }
            else
            {
                note(address + (step * i), level switch { 0 => "PGD", 1 => "PUD", 2 => "PMD", _ => "PTE" }, descriptor);
            }
        }
    }

    private static string Line((ulong Address, string Level, ulong Protection) first, ulong end)
    {
        ulong size = unchecked(end - first.Address);
        int unit = 1;
        while (unit < 6 && size % (1UL << (10 * (unit + 1))) == 0)
        {
            unit++;
        }

        string words = first.Protection == 0 ? "" : string.Concat(
            Bits.Select(bit => (first.Protection & bit.Mask) == bit.Value ? bit.Set : bit.Clear).Where(word => word is not null).Select(word => " " + word));
        return string.Create(CultureInfo.InvariantCulture, $"0x{first.Address:x16}-0x{end:x16}   {size >> (10 * unit),9}{" KMGTPE"[unit]} {first.Level}{words}\n");
    }
}
