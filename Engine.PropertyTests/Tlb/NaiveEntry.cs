namespace Engine.PropertyTests.Tlb;

/// <summary>One entry of the naive model.</summary>
internal sealed class NaiveEntry
{
    public required ulong Start { get; init; }

    public required int SizeLog2 { get; init; }

    public required ulong Output { get; init; }

    public required NaiveMapping Mapping { get; init; }

    public required ushort Asid { get; init; }

    public required ushort Vmid { get; init; }

    public long LastUse { get; set; }

    public bool Covers(ulong address) => address >> SizeLog2 == Start >> SizeLog2;
}
