// The whole map as ranges with equal attributes, in the form of the kernel's ptdump (arch/arm64/mm/ptdump.c): one line a
// range, level names as there (the root is PGD). Permissions are the effective ones, with the tables' restrictions.

using System.Globalization;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Mmsim.Walk;

/// <summary>Prints leaves as ranges.</summary>
internal sealed class RangeWriter
{
    private readonly TextWriter output;
    private readonly ulong mair;
    private readonly int startLevel;
    private ScannedDescriptor first;
    private ulong key;
    private ulong end;
    private bool isOpen;

    /// <summary>Starts a half: prints its marker.</summary>
    public RangeWriter(TextWriter output, in TranslationControl control, in TranslationRegisters registers)
    {
        this.output = output;
        mair = registers.Mair;
        startLevel = control.StartLevel;
        output.WriteLine($"---[ TTBR{(control.IsUpper ? 1 : 0)} ]---");
    }

    /// <summary>Adds the next leaf, ascending.</summary>
    public void Add(in ScannedDescriptor entry)
    {
        ulong entryKey = KeyOf(entry);
        ulong start = entry.Address.ToUInt64();
        if (isOpen && start == end && entryKey == key)
        {
            end = unchecked(start + (1UL << entry.EntryShift));
            return;
        }

        Finish();
        first = entry;
        key = entryKey;
        end = unchecked(start + (1UL << entry.EntryShift));
        isOpen = true;
    }

    /// <summary>Prints that a table is not in the image.</summary>
    public void AddMissing(int level, VirtAddr address, PhysAddr table)
    {
        Finish();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"0x{address.ToUInt64():x16}: the level {level} table at {table} is not in the image"));
    }

    /// <summary>Prints the open range.</summary>
    public void Finish()
    {
        if (!isOpen)
        {
            return;
        }

        isOpen = false;
        ulong start = first.Address.ToUInt64();
        ulong kib = unchecked(end - start) >> 10;
        const string Units = "KMGTPE";
        int unit = 0;
        while (kib != 0 && (kib & 1023) == 0 && unit < Units.Length - 1)
        {
            kib >>= 10;
            unit++;
        }

        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"0x{start:x16}-0x{end:x16} {kib,9}{Units[unit]} {LevelName(first.Level)} {Attributes(first)}").TrimEnd());
    }

    // All that a line shows, in one word.
    private static ulong KeyOf(in ScannedDescriptor entry) =>
        (ulong)entry.Permissions
        | ((ulong)(uint)entry.Shareability << 8)
        | ((ulong)(uint)(entry.Level + 1) << 12)
        | ((ulong)(uint)entry.Descriptor.AttributeIndex << 16)
        | (entry.Descriptor.IsYoung ? 1UL << 20 : 0)
        | (entry.Descriptor.IsNotGlobal ? 1UL << 21 : 0)
        | (entry.RunShift > entry.EntryShift ? 1UL << 22 : 0)
        | (IsGuarded(entry) ? 1UL << 23 : 0);

    private static bool IsGuarded(in ScannedDescriptor entry) => (entry.Descriptor.ToUInt64() >> 50 & 1) != 0;

    private string LevelName(int level) => level == startLevel ? "PGD" : level switch { 0 => "P4D", 1 => "PUD", 2 => "PMD", _ => "PTE" };

    private string Attributes(in ScannedDescriptor entry)
    {
        AccessPermissions allowed = entry.Permissions;
        string[] fields =
        [
            allowed.HasFlag(AccessPermissions.UserRead) ? "USR" : "   ",
            allowed.HasFlag(AccessPermissions.PrivilegedWrite) ? "RW" : "ro",
            allowed.HasFlag(AccessPermissions.PrivilegedExecute) ? "x " : "NX",
            entry.Shareability switch { 3 => "SHD", 2 => "OSH", _ => "   " },
            entry.Descriptor.IsYoung ? "AF" : "  ",
            entry.Descriptor.IsNotGlobal ? "NG" : "  ",
            entry.RunShift > entry.EntryShift ? "CON" : "   ",
            entry.Level < TableFormat.LastLevel ? "BLK" : "   ",
            allowed.HasFlag(AccessPermissions.UserExecute) ? "   " : "UXN",
            IsGuarded(entry) ? "GP" : "  ",
            TypeName(unchecked((byte)(mair >> (entry.Descriptor.AttributeIndex * 8)))),
        ];
        return string.Join(' ', fields);
    }

    private static string TypeName(byte attribute) => attribute switch
    {
        0x00 => "DEVICE/nGnRnE",
        0x04 => "DEVICE/nGnRE",
        0x08 => "DEVICE/nGRE",
        0x0C => "DEVICE/GRE",
        0x44 => "MEM/NORMAL-NC",
        0xBB => "MEM/NORMAL-WT",
        0xF0 => "MEM/NORMAL-TAGGED",
        0xFF => "MEM/NORMAL",
        _ => string.Create(CultureInfo.InvariantCulture, $"MEM/0x{attribute:x2}"),
    };
}
