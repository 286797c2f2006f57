using Engine.Arm64.Translation;

namespace Engine.PropertyTests.Tlb;

/// <summary>One step of a random sequence.</summary>
/// <param name="Kind">What is done.</param>
/// <param name="Address">Where.</param>
/// <param name="Access">How, where it is an access.</param>
/// <param name="Asid">The address space that a switch, remap or invalidation concerns.</param>
/// <param name="Number">More of the same.</param>
public sealed record TlbOperation(TlbOperation.What Kind, ulong Address, AccessKind Access, int Asid, int Number)
{
    public enum What
    {
        Access,
        Single,
        Switch,
        Remap,
        InvalidateRange,
        InvalidateForAll,
        InvalidateAsid,
        InvalidateVmid,
    }
}
