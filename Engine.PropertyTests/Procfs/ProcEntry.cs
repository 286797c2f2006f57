namespace Engine.PropertyTests.Procfs;

/// <summary>A line of <c>maps</c> as a reader of the format understands it, with the values below it in <c>smaps</c>.</summary>
internal sealed record ProcEntry(ulong Start, ulong End, string Access, ulong Offset, string Device, ulong Inode, string Name)
{
    /// <summary>The values in <c>smaps</c> by label, in KiB.</summary>
    public Dictionary<string, ulong> Values { get; } = [];

    /// <summary>The codes behind <c>VmFlags:</c>.</summary>
    public string Flags { get; set; } = "";
}
