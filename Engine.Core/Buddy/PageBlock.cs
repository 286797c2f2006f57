using System.Runtime.InteropServices;

namespace Engine.Core.Buddy;

/// <summary>
/// What is known of one pageblock of 512 frames, beside its free map. In the arena, 16 bytes.
/// <code>
/// Summary  byte i describes word i of the map: bit k (0..5) = it has a free block of exactly order k; bit 6 = wholly free.
///          0 = nothing free. The map's word only counts when one of bits 0..5 is set, so that blocks of a
///          word and more come and go without touching the map.
/// Orders   bit k = the pageblock has a block of exactly order k, 0..9; bit 10 = it is the first of a free pair of order 10.
///          The second of such a pair has no bit at all (its summary says that it is wholly free).
/// </code>
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = SizeBytes)]
internal struct PageBlock
{
    /// <summary>Bytes in the arena.</summary>
    public const int SizeBytes = 16;

    /// <summary>Order bit of a free pair.</summary>
    public const int PairBit = 1 << 10;

    /// <summary>See the type.</summary>
    [FieldOffset(0)]
    public ulong Summary;

    /// <summary>See the type.</summary>
    [FieldOffset(8)]
    public ushort Orders;

    /// <summary>The migrate type (<c>pageblock_flags</c>, low three bits).</summary>
    [FieldOffset(10)]
    public byte Type;

    /// <summary>The zone's index plus one; 0 is no zone: a hole.</summary>
    [FieldOffset(11)]
    public byte ZonePlusOne;

    /// <summary><see cref="Type"/> and <see cref="ZonePlusOne"/> at once.</summary>
    [FieldOffset(10)]
    public ushort ZoneAndType;

    /// <summary>Compaction's skip bit (<c>PB_migrate_skip</c>): the last scan found nothing here.</summary>
    [FieldOffset(12)]
    public byte Skip;

    /// <summary>The type to return to when isolation ends.</summary>
    [FieldOffset(13)]
    public byte TypeBeforeIsolation;

    /// <summary>What <see cref="ZoneAndType"/> holds in a pageblock of a zone.</summary>
    public static ushort MakeZoneAndType(int zone, int type) => (ushort)(((zone + 1) << 8) | type);

    /// <summary>The zone's index in a <see cref="ZoneAndType"/>; beyond every zone where it names none.</summary>
    public static uint ZoneOf(ushort zoneAndType) => unchecked((uint)(zoneAndType >> 8) - 1u);

    /// <summary>The migrate type in a <see cref="ZoneAndType"/>.</summary>
    public static int TypeOf(ushort zoneAndType) => zoneAndType & 0xff;
}
