// Visits every descriptor below a TTBR, in address order. Tables may point anywhere, to themselves too, so that a tree of
// five levels could have 2^45 leaves; the scan therefore takes a budget of tables and says when it was not enough.

using System.Buffers.Binary;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Translation;

/// <summary>Scans whole trees of tables: for dumps and statistics.</summary>
public static class TableScanner
{
    private const ulong HolePageBytes = 4096;

    /// <summary>Visits every descriptor of one half.</summary>
    /// <typeparam name="TMemory">A struct that reads memory.</typeparam>
    /// <typeparam name="TVisitor">A struct; its state comes back through the reference.</typeparam>
    /// <param name="memory">Where the tables are.</param>
    /// <param name="registers">The EL1&amp;0 regime's registers.</param>
    /// <param name="isUpper">The half of TTBR1.</param>
    /// <param name="tablesMax">How many tables may be read.</param>
    /// <param name="visitor">What to do.</param>
    /// <returns>False where the budget ended the scan.</returns>
    public static bool Scan<TMemory, TVisitor>(
        ref TMemory memory, in TranslationRegisters registers, bool isUpper, long tablesMax, ref TVisitor visitor)
        where TMemory : struct, ITableMemory
        where TVisitor : struct, IDescriptorVisitor
    {
        TranslationControl control = TranslationControl.Decode(registers, isUpper);
        if (!control.IsConfigured || control.IsWalkDisabled || control.Format.IsOutOfRange(control.Root))
        {
            return true;
        }

        ulong start = isUpper ? ulong.MaxValue << control.InputBits : 0;
        long tablesLeft = tablesMax;
        ScanTable(ref memory, registers, control, new Place(control.Root, start, control.StartLevel, 0), ref tablesLeft, ref visitor);
        return tablesLeft >= 0;
    }

    private static void ScanTable<TMemory, TVisitor>(
        ref TMemory memory, in TranslationRegisters registers, in TranslationControl control, in Place place, ref long tablesLeft, ref TVisitor visitor)
        where TMemory : struct, ITableMemory
        where TVisitor : struct, IDescriptorVisitor
    {
        if (--tablesLeft < 0)
        {
            return;
        }

        bool isRoot = place.Level == control.StartLevel;
        int shift = control.Format.EntryShift(place.Level);
        int count = 1 << (isRoot ? control.InputBits - shift : control.Format.Stride);
        bool isBigEndian = (registers.Sctlr & TranslationRegisters.SctlrBigEndian) != 0;
        bool isHoleKnown = false;
        for (int index = 0; index < count; index++)
        {
            VirtAddr address = new(unchecked(place.Start + ((ulong)index << shift)));
            PhysAddr slot = new(place.Table + ((ulong)index * Descriptor.SizeBytes));
            if (!memory.TryRead(slot, out ulong descriptor))
            {
                if (!isHoleKnown)
                {
                    visitor.VisitMissing(place.Level, address, new PhysAddr(place.Table));
                    isHoleKnown = true;
                }

                // Images come in pages of 4 KiB, of which a larger table has several.
                index += (int)((HolePageBytes - 1 - (slot.ToUInt64() & (HolePageBytes - 1))) / Descriptor.SizeBytes);
                continue;
            }

            descriptor = isBigEndian ? BinaryPrimitives.ReverseEndianness(descriptor) : descriptor;
            ScannedDescriptor entry = Decode(registers, control, place, address, descriptor);
            visitor.Visit(entry);
            if (entry.Kind == DescriptorKind.Table && !control.Format.IsOutOfRange(entry.Output.ToUInt64()))
            {
                ulong restrictions = control.IgnoresTableAttributes ? 0 : descriptor & PermissionDecoder.HierarchicalMask;
                Place below = new(entry.Output.ToUInt64(), address.ToUInt64(), place.Level + 1, place.Hierarchical | restrictions);
                ScanTable(ref memory, registers, control, below, ref tablesLeft, ref visitor);
                if (tablesLeft < 0)
                {
                    return;
                }
            }
        }
    }

    private static ScannedDescriptor Decode(
        in TranslationRegisters registers, in TranslationControl control, in Place place, VirtAddr address, ulong descriptor)
    {
        int shift = control.Format.EntryShift(place.Level);
        DescriptorKind kind = control.Format.KindOf(descriptor, place.Level);
        int runShift = kind == DescriptorKind.Leaf && (descriptor & Descriptor.ContiguousBit) != 0 ? control.Format.ContiguousShift(place.Level) : 0;
        ulong output = kind == DescriptorKind.Invalid ? 0
            : control.Format.AddressOf(descriptor, kind == DescriptorKind.Leaf ? shift : control.Format.GranuleShift);
        bool isHardwareWritable = control.SetsDirtyState && (descriptor & Descriptor.DirtyBitModifierBit) != 0;
        AccessPermissions permissions = kind != DescriptorKind.Leaf ? AccessPermissions.None : PermissionDecoder.Stage1(
            isHardwareWritable ? descriptor & ~Descriptor.ReadOnlyBit : descriptor,
            place.Hierarchical,
            (registers.Sctlr & TranslationRegisters.SctlrWxn) != 0);
        int shareability = control.Format.IsWide ? control.Shareability : (int)((descriptor >> 8) & 3);
        return new ScannedDescriptor(
            address, place.Level, kind, new Descriptor(descriptor), new PhysAddr(output), shift, shift + runShift,
            permissions, shareability, place.Hierarchical);
    }

    // A table, and the way to it.
    private readonly record struct Place(ulong Table, ulong Start, int Level, ulong Hierarchical);
}
