namespace Mmsim.Fuzz;

/// <summary>The machine of an MMU sequence.</summary>
/// <param name="Tables">Decides what the tables hold.</param>
/// <param name="Tlb">The TLB levels, as in <c>--tlb</c>.</param>
/// <param name="SetsAccessFlag">TCR_EL1.HA: the hardware sets the access flag.</param>
/// <param name="SetsDirtyState">TCR_EL1.HD: the hardware sets the dirty state as well.</param>
public sealed record MmuSetup(uint Tables, string Tlb, bool SetsAccessFlag, bool SetsDirtyState)
{
    /// <summary>C# that makes it.</summary>
    public override string ToString() =>
        $"new MmuSetup({Tables}, \"{Tlb}\", {(SetsAccessFlag ? "true" : "false")}, {(SetsDirtyState ? "true" : "false")})";
}
