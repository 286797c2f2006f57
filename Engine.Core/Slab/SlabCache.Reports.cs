using System.Globalization;
using System.Text;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Core.Slab;

/// <content>
/// The report text of <c>slab_bug</c>, <c>print_trailer</c> and <c>slab_fix</c>. Addresses are physical where the kernel prints
/// those of its linear map.
/// </content>
public sealed unsafe partial class SlabCache
{
    // object_err()
    private void ObjectError(SlabPage slab, ulong address, string reason)
    {
        StringBuilder text = BeginBug(reason);
        AppendTrailer(text, slab, address);
        EndBug(text, reason, address, 0, GetFreePointer(address));
    }

    // slab_err()
    private void SlabError(SlabPage slab, string reason, ulong expected, ulong found, (string Title, ulong Start, int LengthBytes)? section = null)
    {
        StringBuilder text = BeginBug(reason);
        AppendSlab(text, slab);
        if (section is { } extra)
        {
            AppendSection(text, extra.Title, extra.Start, extra.LengthBytes);
        }

        EndBug(text, reason, slab.Start, expected, found);
    }

    private void BytesError(SlabPage slab, ulong address, string what, ulong first, ulong end, byte expected)
    {
        string reason = $"{what} overwritten";
        byte found = Bytes(first, 1)[0];
        StringBuilder text = BeginBug(reason);
        Line(text, $"0x{first:x16}-0x{end - 1:x16} @offset={first - slab.Start}. First byte 0x{found:x} instead of 0x{expected:x}");
        AppendTrailer(text, slab, address);
        EndBug(text, reason, first, expected, found);
    }

    private void Fix(string what) => system.Print($"FIX {Name}: {what}\n");

    private StringBuilder BeginBug(string reason)
    {
        StringBuilder text = new();
        text.Append('=', 77).Append('\n');
        Line(text, $"BUG {Name} ({system.TaintText}): {reason}");
        return text.Append('-', 77).Append("\n\n");
    }

    private void EndBug(StringBuilder text, string reason, ulong address, ulong expected, ulong found)
    {
        system.Print(text.ToString());
        system.Taint();
        Report(reason.TrimEnd('\n'), new PhysAddr(address), expected, found);
    }

    private void AppendTrailer(StringBuilder text, SlabPage slab, ulong address)
    {
        AppendTracks(text, address);
        AppendSlab(text, slab);
        Line(text, $"Object 0x{address:x16} @offset={address - slab.Start} fp=0x{GetFreePointer(address):x16}");
        text.Append('\n');
        if (Has(SlabFlags.RedZone))
        {
            AppendSection(text, "Redzone  ", address - (ulong)Geometry.RedLeftPadBytes, Geometry.RedLeftPadBytes);
        }
        else if (address > slab.Start + 16)
        {
            AppendSection(text, "Bytes b4 ", address - 16, 16);
        }

        AppendSection(text, "Object   ", address, Math.Min(ObjectBytesOfRoot, Pfn.PageSizeBytes));
        if (Has(SlabFlags.RedZone))
        {
            AppendSection(text, "Redzone  ", address + (ulong)ObjectBytesOfRoot, Geometry.InUseBytes - ObjectBytesOfRoot);
        }

        AppendSection(text, "Padding  ", address + (ulong)MetadataEnd, SizeFromObject - MetadataEnd);
    }

    // print_tracking()
    private void AppendTracks(StringBuilder text, ulong address)
    {
        if (Has(SlabFlags.StoreUser))
        {
            AppendTrack(text, "Allocated", address + TrackOffset(TrackAllocated));
            AppendTrack(text, "Freed", address + TrackOffset(TrackFreed));
        }
    }

    private void AppendTrack(StringBuilder text, string what, ulong place)
    {
        ulong caller = arena.WordAt(place);
        if (caller == 0)
        {
            return;
        }

        int cpu = arena.Memory.GetRef<int>(new PhysAddr(place + 12));
        int process = arena.Memory.GetRef<int>(new PhysAddr(place + 16));
        ulong age = unchecked(system.Jiffies - arena.WordAt(place + 24));
        Line(text, $"{what} in 0x{caller:x16} age={age} cpu={cpu} pid={process}");
        Line(text, $"object allocation/free stack trace missing");
    }

    private void AppendSlab(StringBuilder text, SlabPage slab)
    {
        SlabCounters counters = slab.Counters;
        ulong first = counters.IsListEmpty ? 0 : AddressOfIndex(slab, counters.Head);
        ulong descriptor = AddressOf(arena.FirstFrame).Value + ((ulong)(slab.Number - arena.FirstPfn) * Frame.SizeBytes);
        string flags = PageFlagNames.Format(arena.Pages.Frames[new Pfn(slab.Number)].Flags);
        Line(text, $"Slab 0x{descriptor:x16} objects={counters.Objects} used={counters.InUse} fp=0x{first:x16} flags={flags}");
    }

    // print_hex_dump() with an address before each row of 16 bytes.
    private void AppendSection(StringBuilder text, string title, ulong start, int lengthBytes)
    {
        for (int row = 0; row < lengthBytes; row += 16)
        {
            ReadOnlySpan<byte> bytes = Bytes(start + (ulong)row, Math.Min(16, lengthBytes - row));
            StringBuilder hex = new();
            StringBuilder characters = new();
            foreach (byte one in bytes)
            {
                hex.Append(CultureInfo.InvariantCulture, $"{one:x2} ");
                characters.Append(one is >= 0x20 and < 0x7f ? (char)one : '.');
            }

            Line(text, $"{title}{start + (ulong)row:x16}: {hex.ToString().PadRight(49)}{characters}");
        }
    }

    private static void Line(StringBuilder text, FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
