using System.Globalization;

namespace Engine.Core.Frames;

/// <summary>Page flags as the kernel prints them (<c>%pGp</c>): the word, and the names in the order of include/trace/events/mmflags.h.</summary>
internal static class PageFlagNames
{
    private static readonly (FrameFlags Flag, string Name)[] Names =
    [
        (FrameFlags.Locked, "locked"), (FrameFlags.Waiters, "waiters"), (FrameFlags.Error, "error"), (FrameFlags.Referenced, "referenced"),
        (FrameFlags.Uptodate, "uptodate"), (FrameFlags.Dirty, "dirty"), (FrameFlags.Lru, "lru"), (FrameFlags.Active, "active"),
        (FrameFlags.Workingset, "workingset"), (FrameFlags.Slab, "slab"), (FrameFlags.OwnerPrivate1, "owner_priv_1"), (FrameFlags.Arch1, "arch_1"),
        (FrameFlags.Reserved, "reserved"), (FrameFlags.Private, "private"), (FrameFlags.Private2, "private_2"), (FrameFlags.Writeback, "writeback"),
        (FrameFlags.Head, "head"), (FrameFlags.MappedToDisk, "mappedtodisk"), (FrameFlags.Reclaim, "reclaim"), (FrameFlags.SwapBacked, "swapbacked"),
        (FrameFlags.Unevictable, "unevictable"), (FrameFlags.Mlocked, "mlocked"), (FrameFlags.HwPoison, "hwpoison"),
    ];

    /// <summary>Formats a frame's flags. Node, zone and last CPU, which Linux keeps in the same word, are not in it here.</summary>
    public static string Format(ulong flags) => string.Create(
        CultureInfo.InvariantCulture,
        $"0x{flags:x}({string.Join('|', Names.Where(entry => (flags & (ulong)entry.Flag) != 0).Select(entry => entry.Name))})");
}
