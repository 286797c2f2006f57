// The kernel's map as text: arch/arm64/mm/ptdump.c and mm/ptdump.c of Linux v6.9. Neighbouring descriptors of one level with equal
// protection make a line, empty ranges too; a line of its own says where a region begins.

using System.Globalization;
using System.Text;
using Engine.Arm64.Translation;
using Engine.Core.Arena;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel.Map;

/// <summary>Prints <c>/sys/kernel/debug/kernel_page_tables</c>.</summary>
public sealed class KernelPageTablesText
{
    private const int LastLevel = 3;
    private const int EntryCount = 512;
    private const ulong HalfStart = 0xffff_0000_0000_0000;

    // PTE_ATTRINDX by MAIR index; Linux prints them in the order of its table, of which one at most applies.
    private static readonly string?[] MemoryTypes = ["MEM/NORMAL", "MEM/NORMAL-TAGGED", "MEM/NORMAL-NC", "DEVICE/nGnRnE", "DEVICE/nGnRE", null, null, null];

    // p4d is folded into pgd with four levels, so ptdump's level 1 does not occur.
    private static readonly string[] LevelNames = ["PGD", "PUD", "PMD", "PTE"];

    private static readonly (ulong Start, string Name)[] Markers =
    [
        (KernelLayout.PageOffset.Value, "Linear Mapping start"),
        (KernelLayout.PageEnd.Value, "Linear Mapping end"),
        (KernelLayout.ModulesStart.Value, "Modules start"),
        (KernelLayout.ModulesEnd.Value, "Modules end"),
        (KernelLayout.VmallocStart.Value, "vmalloc() area"),
        (KernelLayout.VmallocEnd.Value, "vmalloc() end"),
        (KernelLayout.VmemmapStart.Value, "vmemmap start"),
        (KernelLayout.VmemmapEnd.Value, "vmemmap end"),
        (KernelLayout.PciIoStart.Value, "PCI I/O start"),
        (KernelLayout.PciIoEnd.Value, "PCI I/O end"),
        (KernelLayout.FixmapStart.Value, "Fixmap start"),
        (KernelLayout.FixmapTop.Value, "Fixmap end"),
        (ulong.MaxValue, ""),
    ];

    private const ulong ShownBits = Descriptor.ValidBit | Descriptor.TableBit | Descriptor.UserBit | Descriptor.ReadOnlyBit | Descriptor.PxnBit
        | Descriptor.InnerShareable | Descriptor.AccessFlagBit | Descriptor.NotGlobalBit | Descriptor.ContiguousBit | Descriptor.UxnBit
        | Descriptor.GuardedBit | Descriptor.AttributeIndexMask;

    private readonly PhysicalMemory memory;
    private readonly StringBuilder text = new();
    private int marker;
    private int level = -1;
    private ulong prot;
    private ulong start;

    private KernelPageTablesText(PhysicalMemory memory) => this.memory = memory;

    /// <summary>The text of a map.</summary>
    /// <param name="memory">Where the tables are. A table outside RAM shows as empty.</param>
    /// <param name="root">What TTBR1 holds; 4 KiB granule, 48-bit addresses.</param>
    public static string Write(PhysicalMemory memory, PhysAddr root)
    {
        KernelPageTablesText dump = new(memory);
        dump.Walk(root, HalfStart, 0);
        dump.Note(0, -1, 0);
        return dump.text.ToString();
    }

    /// <summary>Pages that are writable and executable (<c>ptdump_check_wx</c>): none in a sound map.</summary>
    /// <param name="memory">Where the tables are.</param>
    /// <param name="root">What TTBR1 holds.</param>
    public static ulong CountWritableExecutable(PhysicalMemory memory, PhysAddr root) => CountWritableExecutable(memory, root, 0);

    private static ulong CountWritableExecutable(PhysicalMemory memory, PhysAddr table, int level)
    {
        ulong count = 0;
        for (int index = 0; index < EntryCount; index++)
        {
            if (!memory.TryRead(table + ((ulong)index * Descriptor.SizeBytes), out ulong descriptor) || (descriptor & Descriptor.ValidBit) == 0)
            {
                continue;
            }

            if (IsTable(descriptor, level))
            {
                count += CountWritableExecutable(memory, new PhysAddr(descriptor & Descriptor.AddressMask), level + 1);
            }
            else if ((descriptor & (Descriptor.ReadOnlyBit | Descriptor.PxnBit)) == 0)
            {
                count += 1UL << ((LastLevel - level) * 9);
            }
        }

        return count;
    }

    private static bool IsTable(ulong descriptor, int level) =>
        level < LastLevel && (descriptor & (Descriptor.ValidBit | Descriptor.TableBit)) == (Descriptor.ValidBit | Descriptor.TableBit);

    private void Walk(PhysAddr table, ulong first, int tableLevel)
    {
        int shift = Pfn.PageShift + ((LastLevel - tableLevel) * 9);
        for (int index = 0; index < EntryCount; index++)
        {
            ulong address = first + ((ulong)index << shift);
            memory.TryRead(table + ((ulong)index * Descriptor.SizeBytes), out ulong descriptor);
            if (IsTable(descriptor, tableLevel))
            {
                Walk(new PhysAddr(descriptor & Descriptor.AddressMask), address, tableLevel + 1);
            }
            else
            {
                Note(address, tableLevel, descriptor);
            }
        }
    }

    // note_page()
    private void Note(ulong address, int noteLevel, ulong descriptor)
    {
        ulong noteProt = noteLevel >= 0 ? descriptor & ShownBits : 0;
        if (level == -1)
        {
            Begin(address, noteLevel, noteProt);
            AppendMarker();
        }
        else if (noteProt != prot || noteLevel != level || address >= Markers[marker + 1].Start)
        {
            AppendRange(address);
            if (address >= Markers[marker + 1].Start)
            {
                marker++;
                AppendMarker();
            }

            Begin(address, noteLevel, noteProt);
        }

        if (address >= Markers[marker + 1].Start)
        {
            marker++;
            AppendMarker();
        }
    }

    private void Begin(ulong address, int noteLevel, ulong noteProt) => (start, level, prot) = (address, noteLevel, noteProt);

    private void AppendMarker() => text.Append("---[ ").Append(Markers[marker].Name).Append(" ]---\n");

    private void AppendRange(ulong end)
    {
        const string Units = "KMGTPE";
        ulong delta = unchecked(end - start) >> 10;
        int unit = 0;
        while ((delta & 1023) == 0 && unit + 1 < Units.Length)
        {
            delta >>= 10;
            unit++;
        }

        text.Append(CultureInfo.InvariantCulture, $"0x{start:x16}-0x{end:x16}   {delta,9}{Units[unit]} {LevelNames[level]}");
        if (prot != 0)
        {
            AppendProtection();
        }

        text.Append('\n');
    }

    private void AppendProtection()
    {
        Append(Descriptor.ValidBit, " ", "F");
        Append(Descriptor.UserBit, "USR", "   ");
        Append(Descriptor.ReadOnlyBit, "ro", "RW");
        Append(Descriptor.PxnBit, "NX", "x ");
        Append(Descriptor.InnerShareable, "SHD", "   ");
        Append(Descriptor.AccessFlagBit, "AF", "  ");
        Append(Descriptor.NotGlobalBit, "NG", "  ");
        Append(Descriptor.ContiguousBit, "CON", "   ");
        Append(Descriptor.TableBit, "   ", "BLK");
        Append(Descriptor.UxnBit, "UXN", "   ");
        Append(Descriptor.GuardedBit, "GP", "  ");
        if (MemoryTypes[(int)((prot & Descriptor.AttributeIndexMask) >> Descriptor.AttributeIndexShift)] is string type)
        {
            text.Append(' ').Append(type);
        }
    }

    private void Append(ulong bits, string set, string clear) => text.Append(' ').Append((prot & bits) == bits ? set : clear);
}
